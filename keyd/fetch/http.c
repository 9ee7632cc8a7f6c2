// SPDX-License-Identifier: MIT
// One request, through evhttp. Everything that comes is a stranger's: header, length and time of it are bounded.
#include "keyd/fetch/http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_LINE_MAX 1024		/* bytes of the line in front of a chunk */
#define INTERIM_MAX 8			/* answers "100 Continue" */
#define NEVER 86400			/* s: the caller has a clock of its own */

struct http {
	struct evhttp_connection *con;
	struct evhttp_request *request;	/* until evhttp has called back */
	struct loop_timer *timer;
	http_fn *fn;
	void *arg;
	int fd;
	uint32_t most;
	uint64_t got, *held, held_most;
	unsigned int interim;
	bool ended, connected, whole_header;
	int connect_error;
	bufferevent_event_cb evhttp_event;	/* evhttp's own, while it connects */
	void *evhttp_arg;
	struct http_answer answer;
};

/* Called from inside of evhttp, which must not lose its ground: the caller hears of it from the loop. The first end counts. */
static void ended(struct http *h, enum http_end end, int error)
{
	if (h->ended)
		return;
	h->ended = true;
	h->answer.end = end;
	h->answer.error = error;
	loop_timer_set(h->timer, 0);
}

static void on_timer(void *arg)
{
	struct http *h = arg;

	h->fn(h->arg, &h->answer);
}

static void copy_printable(char *to, size_t n, const char *from)
{
	size_t i = 0;

	for (; from && from[i] && i + 1 < n; i++)
		to[i] = (char)(from[i] >= ' ' && from[i] < 0x7f ? from[i] : '?');
	to[i] = 0;
}

static bool leads_elsewhere(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* The header is there. -1 ends the connection. */
static int on_header(struct evhttp_request *request, void *arg)
{
	struct http *h = arg;
	struct http_answer *a = &h->answer;
	const char *location = evhttp_find_header(evhttp_request_get_input_headers(request), "Location");

	a->status = evhttp_request_get_response_code(request);
	if (a->status == 100 && ++h->interim <= INTERIM_MAX)
		return 0;
	copy_printable(a->phrase, sizeof(a->phrase), evhttp_request_get_response_code_line(request));
	h->whole_header = true;
	if (a->status == 200)
		return 0;
	if (leads_elsewhere(a->status) && location && strlen(location) < sizeof(a->location))
		memcpy(a->location, location, strlen(location) + 1);
	ended(h, a->status > 100 ? HTTP_STATUS : HTTP_GARBAGE, 0);
	return -1;
}

/* A piece of the body. */
static void on_piece(struct evhttp_request *request, void *arg)
{
	struct http *h = arg;
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	size_t n = evbuffer_get_length(in);

	if (h->ended)
		return;
	if (n > h->most - h->got)
		return ended(h, HTTP_LONG, 0);
	if (n > h->held_most - *h->held)
		return ended(h, HTTP_NO_ROOM, ENOBUFS);
	h->got += n;
	*h->held += n;
	while (evbuffer_get_length(in))
		if (evbuffer_write(in, h->fd) <= 0)
			return ended(h, HTTP_NO_ROOM, errno);
}

static void lost(struct http *h)
{
	int error = errno;

	if (h->whole_header)
		return ended(h, HTTP_CUT, error);
	if (h->connected)
		return ended(h, HTTP_NOTHING, error);
	ended(h, HTTP_UNREACHED, h->connect_error ? h->connect_error : error);
}

static void on_error(enum evhttp_request_error error, void *arg)
{
	struct http *h = arg;

	h->request = NULL;
	switch (error) {
	case EVREQ_HTTP_INVALID_HEADER:
		return ended(h, HTTP_GARBAGE, 0);
	case EVREQ_HTTP_DATA_TOO_LONG:
		return ended(h, h->whole_header ? HTTP_LONG : HTTP_GARBAGE, 0);
	default:
		return lost(h);
	}
}

/* request is NULL after an error, and has no status when there was no connection. */
static void on_done(struct evhttp_request *request, void *arg)
{
	struct http *h = arg;

	h->request = NULL;
	if (!request || !evhttp_request_get_response_code(request))
		return lost(h);
	ended(h, HTTP_GOT, 0);
}

/* evhttp does not tell why there is no connection: its bufferevent knows, before it is closed. */
static void on_connect(struct bufferevent *bev, short what, void *arg)
{
	struct http *h = arg;

	h->connect_error = errno;
	h->connected = what & BEV_EVENT_CONNECTED;
	h->evhttp_event(bev, what, h->evhttp_arg);
}

static void watch_connect(struct http *h)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(h->con);
	bufferevent_data_cb read, write;

	bufferevent_getcb(bev, &read, &write, &h->evhttp_event, &h->evhttp_arg);
	if (h->evhttp_event)
		bufferevent_setcb(bev, read, write, on_connect, h);
}

/*
 * Before evhttp sees what has come: what it left in the buffer last time, while it waits for a chunk's length, is a line
 * without end, which it would keep and search for ever.
 */
static void on_input(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	struct http *h = arg;
	bool line;

	(void)in;
	if (!info->n_added || !h->request)	/* evhttp empties the buffer when the request is gone already */
		return;
	line = h->whole_header && h->request->chunked && h->request->ntoread < 0;
	if (!h->ended && (!line || info->orig_size <= CHUNK_LINE_MAX))
		return;
	bufferevent_disable(evhttp_connection_get_bufferevent(h->con), EV_READ);
	ended(h, HTTP_GARBAGE, 0);
}

static struct evhttp_request *request_new(struct http *h, const struct http_request *r)
{
	struct evhttp_request *request = evhttp_request_new(on_done, h);
	struct evkeyvalq *headers;
	char host[300];

	if (!request)
		return NULL;
	headers = evhttp_request_get_output_headers(request);
	evhttp_request_set_header_cb(request, on_header);
	evhttp_request_set_chunked_cb(request, on_piece);
	evhttp_request_set_error_cb(request, on_error);
	if (evhttp_add_header(headers, "Host", url_format_host(r->url, host, sizeof(host))) ||
	    evhttp_add_header(headers, "User-Agent", "gapless") || evhttp_add_header(headers, "Connection", "close") ||
	    (r->post.n && (evhttp_add_header(headers, "Content-Type", "application/ocsp-request") ||
			   evbuffer_add(evhttp_request_get_output_buffer(request), r->post.p, r->post.n)))) {
		evhttp_request_free(request);
		return NULL;
	}
	return request;
}

static int begin(struct http *h, struct loop *l, struct names *names, const struct http_request *r)
{
	h->timer = loop_timer_new(l, on_timer, h);
	h->con = h->timer ? evhttp_connection_base_bufferevent_new(loop_base(l), names_evdns(names), NULL, r->addr, r->url->port) :
			    NULL;
	h->request = h->con ? request_new(h, r) : NULL;
	if (!h->request || !evbuffer_add_cb(bufferevent_get_input(evhttp_connection_get_bufferevent(h->con)), on_input, h))
		return -1;
	evhttp_connection_set_max_headers_size(h->con, HTTP_HEADERS_MAX);
	evhttp_connection_set_max_body_size(h->con, r->most);
	evhttp_connection_set_timeout(h->con, NEVER);
	/* Here the request becomes the connection's, even when it fails. */
	if (evhttp_make_request(h->con, h->request, r->post.n ? EVHTTP_REQ_POST : EVHTTP_REQ_GET, r->url->path))
		ended(h, HTTP_UNREACHED, errno);
	else if (!h->ended)
		watch_connect(h);
	return 0;
}

struct http *http_new(struct loop *l, struct names *names, const struct http_request *r, http_fn *fn, void *arg)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->fn = fn;
	h->arg = arg;
	h->fd = r->fd;
	h->most = r->most;
	h->held = r->held;
	h->held_most = r->held_most;
	if (!begin(h, l, names, r))
		return h;
	if (h->request)
		evhttp_request_free(h->request);
	h->request = NULL;
	http_free(h);
	return NULL;
}

bool http_answers(const struct http *h)
{
	return h->whole_header;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	*h->held -= h->got;
	if (h->con)
		evhttp_connection_free(h->con);
	loop_timer_free(h->timer);
	free(h);
}
