// SPDX-License-Identifier: BSD-3-Clause
#include "loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "gateway_status.h"
#include "http_server.h"
#include "log.h"
#include "outward.h"
#include "port_status.h"
#include "reload_command.h"
#include "server.h"
#include "telemetry.h"

// A worker never makes a system call to say that it has something to tell: it is asked. While
// somebody watches often enough for the 1 ms that is promised from the wire to the control socket;
// else often enough for the 65536 places of an outbox.
#define TICK_NS 1000000000
#define DRAIN_WATCHED_NS 200000
#define DRAIN_IDLE_NS 10000000

enum source {
	SOURCE_SIGNALS,
	SOURCE_TICK,
	SOURCE_DRAIN,
	SOURCE_SERVER,
	SOURCE_JOURNAL,
	SOURCE_HTTP,
	SOURCE_MAX
};

struct loop {
	struct daemon *daemon;
	int epoll, descriptors[SOURCE_MAX];
	bool is_watched; // the drain timer runs at its fast pace
	bool is_asked;	 // the HTTP server has something to do
	bool stop;
};

static void set_timer(int timer, long ns)
{
	struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	struct itimerspec spec = {.it_interval = time, .it_value = time};
	timerfd_settime(timer, 0, &spec, NULL);
}

static bool loop_init(struct loop *loop, struct daemon *d, const sigset_t *signals)
{
	int flags = TFD_CLOEXEC | TFD_NONBLOCK;
	*loop = (struct loop){.daemon = d, .epoll = epoll_create1(EPOLL_CLOEXEC)};
	loop->descriptors[SOURCE_SIGNALS] = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	loop->descriptors[SOURCE_TICK] = timerfd_create(CLOCK_MONOTONIC, flags);
	loop->descriptors[SOURCE_DRAIN] = timerfd_create(CLOCK_MONOTONIC, flags);
	loop->descriptors[SOURCE_SERVER] = server_descriptor(d->server);
	loop->descriptors[SOURCE_JOURNAL] = journal_descriptor(d->journal);
	loop->descriptors[SOURCE_HTTP] = http_server_descriptor(d->http);
	for (int i = 0; i < SOURCE_MAX; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
		if (i == SOURCE_HTTP && loop->descriptors[i] < 0)
			continue;
		if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->descriptors[i], &event) < 0) {
			log_line(LOG_ERROR, "epoll: %s", strerror(errno));
			return false;
		}
	}
	set_timer(loop->descriptors[SOURCE_TICK], TICK_NS);
	set_timer(loop->descriptors[SOURCE_DRAIN], DRAIN_IDLE_NS);
	return true;
}

static void loop_fini(struct loop *loop)
{
	close(loop->descriptors[SOURCE_SIGNALS]);
	close(loop->descriptors[SOURCE_TICK]);
	close(loop->descriptors[SOURCE_DRAIN]);
	close(loop->epoll);
}

static void tick(struct daemon *d, uint64_t steady_ms)
{
	workers_set_clock(d->workers);
	workers_retire(d->workers);
	rates_sample(&d->rates, d->workers, &d->ports, steady_ms);
	tables_note_peaks(d->workers, d->high_water);
	gateways_tick(d, clock_wall_ms());
	ports_tick(d);
	server_tick(d->server, steady_ms);
	outward_tick(d, clock_wall_ms());
	http_server_tick(d->http, steady_ms);
	telemetry_tick(d);
}

static void take_signals(struct loop *loop)
{
	struct signalfd_siginfo info;
	while (read(loop->descriptors[SOURCE_SIGNALS], &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			struct report report = {0};
			reload(loop->daemon, &report);
			report_fini(&report);
		} else if (info.ssi_signo == SIGUSR1) {
			outlets_reopen(loop->daemon->outlets);
		} else {
			log_line(LOG_NOTICE, "stopping: %s", strsignal((int)info.ssi_signo));
			loop->stop = true;
		}
	}
}

static bool take_timer(const struct loop *loop, enum source source)
{
	uint64_t n;
	return read(loop->descriptors[source], &n, sizeof(n)) == sizeof(n);
}

static void take_events(struct loop *loop, bool wait)
{
	struct epoll_event events[SOURCE_MAX];
	int n = epoll_wait(loop->epoll, events, SOURCE_MAX, wait ? -1 : 0);
	for (int i = 0; i < n; i++) {
		switch ((enum source)events[i].data.u32) {
		case SOURCE_SIGNALS:
			take_signals(loop);
			break;
		case SOURCE_TICK:
			if (take_timer(loop, SOURCE_TICK))
				tick(loop->daemon, clock_steady_ms());
			break;
		case SOURCE_DRAIN:
			take_timer(loop, SOURCE_DRAIN);
			break;
		case SOURCE_JOURNAL:
			journal_notice(loop->daemon->journal);
			break;
		case SOURCE_HTTP:
			loop->is_asked = true;
			break;
		case SOURCE_SERVER: // has its step below
		case SOURCE_MAX:
			break;
		}
	}
}

static void set_pace(struct loop *loop)
{
	bool watched = feed_watches(loop->daemon->feed) > 0;
	if (watched != loop->is_watched)
		set_timer(loop->descriptors[SOURCE_DRAIN],
			watched ? DRAIN_WATCHED_NS : DRAIN_IDLE_NS);
	loop->is_watched = watched;
}

bool loop_run(struct daemon *d, const sigset_t *signals)
{
	struct loop loop;
	bool ok = loop_init(&loop, d, signals), busy = false;
	if (ok)
		tick(d, clock_steady_ms());
	while (ok && !loop.stop) {
		take_events(&loop, !busy);
		busy = outward_step(d, clock_wall_ms());
		busy |= server_step(d->server, clock_steady_ms());
		if (loop.is_asked)
			loop.is_asked = http_server_step(d->http, clock_steady_ms());
		busy |= loop.is_asked;
		set_pace(&loop);
	}
	loop_fini(&loop);
	return ok;
}
