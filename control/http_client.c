// SPDX-License-Identifier: BSD-3-Clause
#include "http_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <zlib.h>

#include "http_url.h"

#define CONNECT_MS 5000
#define N_HEADERS_MAX 48

struct http_client {
	const struct http_options *options;
	const atomic_bool *stop;
	CURL *curl;
	struct curl_slist *headers; // of every request
	char *urls[HTTP_URLS_MAX], *origins[HTTP_URLS_MAX];
	size_t n_urls, turn; // which one took the last request
	struct buffer answer;
	bool is_cut, is_headed; // headed: the headers have come to their end
	char error[CURL_ERROR_SIZE];
};

// ---- options ----

bool http_options_check(const struct http_options *options, char *error, size_t size)
{
	size_t n = 0;
	for (; options->urls && options->urls[n]; n++) {
		if (!http_url_check("url", options->urls[n], error, size))
			return false;
	}
	if (n > HTTP_URLS_MAX) {
		snprintf(error, size, "url: more than %d", HTTP_URLS_MAX);
		return false;
	}
	if (!options->certificate_file != !options->key_file) {
		snprintf(error, size, "certificate_file and key_file go together");
		return false;
	}
	return options->proxy == NULL || http_url_check("proxy", options->proxy, error, size);
}

// ---- what curl calls ----

static size_t take_answer(char *bytes, size_t one, size_t n, void *context)
{
	struct http_client *client = context;
	size_t room = HTTP_ANSWER_MAX - client->answer.len, len = n < room ? n : room;
	(void)one; // is 1
	buffer_add(&client->answer, bytes, len);
	client->is_cut |= len < n;
	return client->is_cut ? 0 : n; // what is not taken ends the request
}

// A connection that ends among the headers is no error to curl.
static size_t take_header(char *bytes, size_t one, size_t n, void *context)
{
	struct http_client *client = context;
	(void)one;
	client->is_headed = n <= 2 && bytes[n - 1] == '\n';
	return n;
}

static int look_at_stop(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct http_client *client = context;
	(void)a, (void)b, (void)c, (void)d;
	return client->stop && atomic_load_explicit(client->stop, memory_order_relaxed);
}

// ---- life ----

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool set_options(struct http_client *client)
{
	const struct http_options *o = client->options;
	CURL *c = client->curl;
	bool ok = true;
#define SET(option, value) ok = ok && curl_easy_setopt(c, option, value) == CURLE_OK
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_ERRORBUFFER, client->error);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_PROXY, o->proxy ? o->proxy : "");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_USERAGENT, "offhook/" OFFHOOK_VERSION);
	SET(CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS,
		(long)(o->timeout_ms < CONNECT_MS ? o->timeout_ms : CONNECT_MS));
	SET(CURLOPT_WRITEFUNCTION, take_answer);
	SET(CURLOPT_WRITEDATA, client);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, client);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, look_at_stop);
	SET(CURLOPT_XFERINFODATA, client);
	if (o->ca_file)
		SET(CURLOPT_CAINFO, o->ca_file);
	if (o->certificate_file)
		SET(CURLOPT_SSLCERT, o->certificate_file);
	if (o->key_file)
		SET(CURLOPT_SSLKEY, o->key_file);
#undef SET
	return ok;
}

struct http_client *http_client_create(const struct http_options *options, const char *path,
	const atomic_bool *stop, char *error, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init_curl);
	struct http_client *client = calloc(1, sizeof(*client));
	const char *fault = client ? NULL : "out of memory";
	if (client) {
		client->options = options;
		client->stop = stop;
		client->curl = curl_easy_init();
		if (client->curl == NULL || !set_options(client))
			fault = "libcurl does not start";
	}
	for (size_t i = 0; fault == NULL && options->urls[i] && i < HTTP_URLS_MAX; i++) {
		fault = http_url_make(
			options->urls[i], path, &client->urls[i], &client->origins[i]);
		client->n_urls++;
	}
	// No wait for a 100 Continue that few receivers send.
	if (fault == NULL && !http_client_header(client, "Expect:"))
		fault = "out of memory";
	if (fault == NULL)
		return client;
	snprintf(error, size, "%s", fault);
	http_client_destroy(client);
	return NULL;
}

void http_client_destroy(struct http_client *client)
{
	if (client == NULL)
		return;
	curl_easy_cleanup(client->curl);
	curl_slist_free_all(client->headers);
	for (size_t i = 0; i < client->n_urls; i++) {
		free(client->urls[i]);
		free(client->origins[i]);
	}
	buffer_fini(&client->answer);
	free(client);
}

size_t http_client_urls(const struct http_client *client)
{
	return client->n_urls;
}

size_t http_client_turn(const struct http_client *client)
{
	return client->turn;
}

bool http_client_header(struct http_client *client, const char *line)
{
	struct curl_slist *grown = curl_slist_append(client->headers, line);
	if (grown)
		client->headers = grown;
	return grown != NULL;
}

bool http_client_secret(struct http_client *client, const char *before, const char *secret)
{
	char *line = NULL;
	if (asprintf(&line, "%s%s", before, secret) < 0)
		return false;
	bool ok = http_client_header(client, line);
	explicit_bzero(line, strlen(line));
	free(line);
	return ok;
}

bool http_client_login(struct http_client *client, const char *user, const char *password)
{
	CURL *c = client->curl;
	return curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_USERNAME, user) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PASSWORD, password) == CURLE_OK;
}

// ---- a request ----

enum http_verdict http_verdict_of(long status)
{
	if (status >= 200 && status < 300)
		return HTTP_DONE;
	switch (status) {
	case 408: // Request Timeout
	case 425: // Too Early
	case 429: // Too Many Requests
		return HTTP_AGAIN;
	case 401: // who we are
	case 402:
	case 403:
	case 404: // where it is
	case 405:
	case 407:
	case 421:
		return HTTP_DENIED;
	}
	if (status >= 300 && status < 400)
		return HTTP_DENIED;
	return status >= 400 && status < 500 ? HTTP_REFUSED : HTTP_AGAIN;
}

// As gzip (RFC 1952). false: out of memory.
static bool compress_body(const struct http_request *request, struct buffer *out)
{
	z_stream z = {0};
	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	size_t size = deflateBound(&z, request->len);
	char *packed = malloc(size);
	z.next_in = (unsigned char *)request->body; // NOLINT: zlib's type, not written to
	z.avail_in = (unsigned)request->len;
	z.next_out = (unsigned char *)packed;
	z.avail_out = (unsigned)size;
	bool ok = packed && deflate(&z, Z_FINISH) == Z_STREAM_END;
	if (ok)
		buffer_add(out, packed, z.total_out);
	deflateEnd(&z);
	free(packed);
	return ok && !out->failed;
}

static struct curl_slist *headers_of(
	const struct http_client *client, const struct http_request *request)
{
	struct curl_slist *all = NULL, *grown;
	char type[128];
	const char *lines[N_HEADERS_MAX];
	size_t n = 0;
	snprintf(type, sizeof(type), "Content-Type: %s", request->content_type);
	lines[n++] = type;
	if (client->options->compress)
		lines[n++] = "Content-Encoding: gzip";
	for (size_t i = 0; request->headers && request->headers[i] && n < N_HEADERS_MAX; i++)
		lines[n++] = request->headers[i];
	for (size_t i = 0; i < n; i++, all = grown) {
		grown = curl_slist_append(all, lines[i]);
		if (grown == NULL)
			goto failed;
	}
	for (const struct curl_slist *one = client->headers; one; one = one->next, all = grown) {
		grown = curl_slist_append(all, one->data);
		if (grown == NULL)
			goto failed;
	}
	return all;
failed:
	curl_slist_free_all(all);
	return NULL;
}

static CURLcode perform(struct http_client *client, const char *url, const char *body, size_t len,
	struct curl_slist *headers)
{
	CURL *c = client->curl;
	buffer_take(&client->answer, client->answer.len);
	client->answer.failed = false;
	client->is_cut = client->is_headed = false;
	client->error[0] = '\0';
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_POST, 1L);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	return curl_easy_perform(c);
}

// curl reads both forms of Retry-After, seconds and a date.
static void take_result(struct http_client *client, struct http_answer *answer)
{
	curl_off_t wait_s = 0;
	buffer_add(&client->answer, "", 1);
	if (client->answer.failed)
		client->is_cut = true;
	*answer = (struct http_answer){.body = "", .is_cut = client->is_cut};
	if (!client->answer.failed) {
		answer->body = client->answer.data + client->answer.from;
		answer->len = client->answer.len - 1;
	}
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &wait_s);
	if (wait_s > 0)
		answer->retry_after_ms = wait_s < OUTLET_WAIT_MAX_MS / 1000
						 ? (uint64_t)wait_s * 1000
						 : OUTLET_WAIT_MAX_MS;
}

static enum http_verdict judge(const struct http_client *client, CURLcode code, size_t url,
	const struct http_answer *answer, char *error, size_t size)
{
	const char *origin = client->origins[url];
	// An answer that was too long was one all the same.
	bool answered = code == CURLE_OK || (code == CURLE_WRITE_ERROR && client->is_cut);
	if (!answered || !client->is_headed) {
		snprintf(error, size, "%s: %s", origin,
			client->error[0]   ? client->error
			: code != CURLE_OK ? curl_easy_strerror(code)
					   : "the answer breaks off");
		return HTTP_AGAIN;
	}
	enum http_verdict verdict = http_verdict_of(answer->status);
	if (answer->status >= 300 && answer->status < 400)
		snprintf(error, size, "%s: status %ld: a redirect is not followed, set its address",
			origin, answer->status);
	else if (verdict != HTTP_DONE)
		snprintf(error, size, "%s: status %ld", origin, answer->status);
	return verdict;
}

static enum http_verdict post_body(struct http_client *client, size_t url, const char *body,
	size_t len, const struct http_request *request, struct http_answer *answer, char *error,
	size_t size)
{
	struct curl_slist *headers = headers_of(client, request);
	char *whole = http_url_query(client->urls[url], request->query);
	enum http_verdict verdict = HTTP_AGAIN;
	if (headers && whole) {
		CURLcode code = perform(client, whole, body, len, headers);
		take_result(client, answer);
		verdict = judge(client, code, url, answer, error, size);
	} else {
		snprintf(error, size, "out of memory");
	}
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	free(whole);
	return verdict;
}

enum http_verdict http_client_post_to(struct http_client *client, size_t url,
	const struct http_request *request, struct http_answer *answer, char *error, size_t size)
{
	struct buffer packed = {0};
	enum http_verdict verdict = HTTP_AGAIN;
	*answer = (struct http_answer){.body = ""};
	if (!client->options->compress)
		verdict = post_body(
			client, url, request->body, request->len, request, answer, error, size);
	else if (compress_body(request, &packed))
		verdict = post_body(client, url, packed.data + packed.from, packed.len, request,
			answer, error, size);
	else
		snprintf(error, size, "out of memory");
	buffer_fini(&packed);
	return verdict;
}

enum http_verdict http_client_post(struct http_client *client, const struct http_request *request,
	struct http_answer *answer, char *error, size_t size)
{
	enum http_verdict verdict = HTTP_AGAIN;
	for (size_t i = 0; i < client->n_urls; i++) {
		verdict = http_client_post_to(client, client->turn, request, answer, error, size);
		if (verdict == HTTP_DONE || verdict == HTTP_REFUSED)
			break;
		client->turn = (client->turn + 1) % client->n_urls;
	}
	return verdict;
}
