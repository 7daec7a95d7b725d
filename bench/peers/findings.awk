# SPDX-License-Identifier: BSD-3-Clause
# What a peer says (time, diagnosis, scope, client, device, gateway, by tabs) as lines that bench/score reads. The lines
# of one failure, up to an hour apart, are one.
BEGIN {
	FS = "\t"
	split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", names, " ")
	for (i in names) month[names[i]] = i
}
function iso(text,   part) { # "Nov 21 2026 10:00:00" or what begins like 2026-11-21T10:00:00
	if (substr(text, 5, 1) == "-") return substr(text, 1, 19)
	split(text, part, " ")
	return sprintf("%s-%02d-%02dT%s", part[3], month[part[1]], part[2], part[4])
}
function seconds(text) { return (substr(text, 9, 2) * 24 + substr(text, 12, 2)) * 3600 + substr(text, 15, 2) * 60 + substr(text, 18, 2) }
function quoted(text) { return text == "" ? "null" : "\"" text "\"" }
function put(key,   part) {
	split(key, part, SUBSEP)
	printf "{\"type\":\"diagnosis\",\"diagnosis\":\"%s\",\"scope\":\"%s\",\"client_ip\":%s,\"device\":%s,\"gateway\":%s," \
		"\"is_phone\":true,\"confidence\":\"probable\",\"first_seen\":\"%s.000Z\",\"last_seen\":\"%s.000Z\",\"recovered_at\":null}\n",
		part[1], part[2], quoted(part[3]), quoted(part[4]), quoted(gateway[key]), first[key], last[key]
}
NF >= 5 {
	time = iso($1)
	if ($5 !~ /^SEP/) $5 = "" # "null" and the like
	key = $2 SUBSEP $3 SUBSEP $4 SUBSEP $5 SUBSEP ($3 == "gateway" ? $6 : "")
	if ((key in last) && seconds(time) - seconds(last[key]) > 3600) { put(key); delete last[key] }
	if (!(key in last) || time < first[key]) first[key] = time
	if (!(key in last) || time > last[key]) last[key] = time
	gateway[key] = $6
}
END { for (key in last) put(key) }
