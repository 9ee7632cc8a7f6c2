/* SPDX-License-Identifier: MIT */
/* One request to one address by http (RFC 9112), its answer into a file: evhttp stays in here. */
#ifndef KEYD_FETCH_HTTP_H
#define KEYD_FETCH_HTTP_H

#include "keyd/fetch/names.h"
#include "keyd/fetch/url.h"

#define HTTP_HEADERS_MAX 16384		/* bytes of an answer's header */
#define HTTP_PHRASE_MAX 48

enum http_end {
	HTTP_GOT,			/* 200, and the whole body is in the file */
	HTTP_STATUS,			/* something else; the body was not waited for */
	HTTP_UNREACHED,			/* no connection: errno in error */
	HTTP_NOTHING,			/* the connection ended, or broke, before the header did */
	HTTP_CUT,			/* … before the body did */
	HTTP_GARBAGE,			/* that is no http, or there is no end of its header */
	HTTP_LONG,			/* more than most */
	HTTP_NO_ROOM,			/* the file cannot be written, or all of them hold too much: errno in error */
};

struct http_answer {
	enum http_end end;
	int error;
	int status;			/* 0: no header has come */
	char phrase[HTTP_PHRASE_MAX];	/* behind the status; printable ASCII */
	char location[URL_MAX + 1];	/* where it leads; "": nowhere */
};

struct http;
typedef void http_fn(void *arg, const struct http_answer *answer);

struct http_request {
	const struct url *url;
	const char *addr;		/* to connect to, as text */
	struct view post;		/* an OCSP request (RFC 6960 A.1); empty: GET */
	uint32_t most;			/* bytes of the body */
	int fd;				/* gets the body; stays the caller's, and open until http_free */
	uint64_t *held;			/* counts the bytes of all requests … */
	uint64_t held_most;		/* … up to here */
};

/*
 * fn is called once, from the loop, and may free it. There is no time limit in here. All is copied but fd and held.
 * NULL without memory.
 */
struct http *http_new(struct loop *l, struct names *names, const struct http_request *r, http_fn *fn, void *arg);
/* Has something of an answer's header been understood? */
bool http_answers(const struct http *h);
/* Ends it wherever it is. *held is what it was before. NULL is allowed. */
void http_free(struct http *h);

#endif
