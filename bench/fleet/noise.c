// SPDX-License-Identifier: BSD-3-Clause
// What a firewall logs all day, besides.
#include "phone.h"

#include <stdlib.h>

static const char *outer(struct random *random, char *out)
{
	sprintf(out, "%u.%u.%u.%u", random_between(random, 20, 90), random_below(random, 256),
		random_below(random, 256), random_between(random, 1, 254));
	return out;
}

static const char *inner(struct random *random, char *out)
{
	sprintf(out, "10.1.%u.%u", random_below(random, 16), random_between(random, 1, 254));
	return out;
}

static void connection_lines(struct script *s, const char *from, const char *to, unsigned port)
{
	uint32_t number = ++s->gateway->connection;
	unsigned server = random_chance(s->random, 0.6) ? 443 : 80;
	if (random_chance(s->random, 0.75)) {
		say(s, "6-302013: Built inbound TCP connection %u for outside:%s/%u (%s/%u) to inside:%s/%u (198.51.100.20/%u)",
			number, from, port, from, port, to, server, server);
		say(s, "6-302014: Teardown TCP connection %u for outside:%s/%u to inside:%s/%u duration 0:00:0%u bytes %u TCP FINs from outside",
			number - 1, from, port, to, server, random_below(s->random, 10),
			random_below(s->random, 90000));
	} else {
		say(s, "6-302015: Built outbound UDP connection %u for outside:%s/53 (%s/53) to inside:%s/%u (198.51.100.21/%u)",
			number, from, from, to, port, port);
		say(s, "6-302016: Teardown UDP connection %u for outside:%s/53 to inside:%s/%u duration 0:00:00 bytes %u",
			number - 1, from, to, port, random_below(s->random, 900));
	}
}

static void rare(struct script *s, const char *from, const char *to, unsigned port)
{
	switch (random_below(s->random, 12)) {
	case 0:
		say(s, "4-733100: [ Scanning] drop rate-1 exceeded. Current burst rate is %u per second, max configured rate is 10; Current average rate is 7 per second, max configured rate is 5; Cumulative total count is %u",
			random_below(s->random, 40), random_below(s->random, 90000));
		break;
	case 1:
		say(s, "2-106006: message repeated %u times: [ Deny inbound UDP from %s/%u to 198.51.100.20/5060 on interface outside]",
			random_between(s->random, 2, 9), from, port);
		break;
	case 2:
		say(s, "6-718022: Received KEEPALIVE request from [198.51.100.%u]",
			random_between(s->random, 10, 40));
		break;
	case 3:
		say(s, "4-313005: No matching connection for ICMP error message: icmp src outside:%s dst inside:%s (type 3, code 0) on outside interface. Original IP payload: udp src %s/%u dst 8.8.8.8/53.",
			from, to, to, port);
		break;
	case 4:
		say(s, "6-106015: Deny TCP (no connection) from %s/%u to %s/443 flags RST  on interface outside",
			from, port, client_target(s));
		break;
	case 5:
		say(s, "5-750003: Local:198.51.100.10:4500 Remote:%s:4500 Username:Unknown IKEv2 Negotiation aborted due to ERROR: Failed to find a matching policy",
			from);
		break;
	case 6:
		say(s, "3-710003: TCP access denied by ACL from %s/%u to outside:%s/22", from, port,
			client_target(s));
		break;
	case 7:
		say(s, "7-710005: UDP request discarded from %s/%u to outside:255.255.255.255/67",
			from, port);
		break;
	case 8:
		say(s, "5-111008: User 'netops' executed the 'show vpn-sessiondb summary' command.");
		break;
	case 9:
		say(s, "6-605005: Login permitted from %s/%u to management:10.1.0.1/ssh for user \"netops\"",
			to, port);
		break;
	case 10:
		say(s, "7-717024: Checking CRL from trustpoint: CORP-CA for CRL verification");
		break;
	default:
		say(s, "6-106100: access-list outside_in denied tcp outside/%s(%u) -> inside/%s(445) hit-cnt 1 first hit [0xef7602a0, 0x00000000]",
			from, port, to);
	}
}

void noise_make(struct sim *sim, struct gateway *gateway)
{
	char a[20], b[20];
	struct client nobody = {.address = "0.0.0.0"};
	struct random *random = &gateway->random;
	struct script s = script_begin(sim, gateway, &nobody, random, sim->now_us);
	const char *from = outer(random, a), *to = inner(random, b);
	unsigned port = random_between(random, 1024, 65000);
	switch (random_below(random, 10)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		connection_lines(&s, from, to, port);
		break;
	case 5:
	case 6:
		say(&s, "6-305011: Built dynamic TCP translation from inside:%s/%u to outside:198.51.100.21/%u",
			to, port, port);
		say(&s, "6-305012: Teardown dynamic TCP translation from inside:%s/%u to outside:198.51.100.21/%u duration 0:00:31",
			to, port + 1, port + 1);
		break;
	case 7:
		say(&s, "4-106023: Deny tcp src outside:%s/%u dst inside:%s/%u by access-group \"outside_in\" [0x0, 0x0]",
			from, port, to, random_below(random, 9000));
		break;
	case 8:
		say(&s, "6-302020: Built inbound ICMP connection for faddr %s/%u gaddr 198.51.100.20/0 laddr %s/0",
			from, port, to);
		say(&s, "6-302021: Teardown ICMP connection for faddr %s/%u gaddr 198.51.100.20/0 laddr %s/0",
			from, port, to);
		break;
	default:
		rare(&s, from, to, port);
	}
	script_end(&s);
}
