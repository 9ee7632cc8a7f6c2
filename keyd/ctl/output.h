/* SPDX-License-Identifier: MIT */
/* How keydctl prints what keyd answers: one table of functions per format. */
#ifndef KEYD_CTL_OUTPUT_H
#define KEYD_CTL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>

struct output {
	void (*status)(const json_t *answer);
	void (*stats)(const json_t *answer);
	void (*event)(const json_t *event);
	void (*pools)(const json_t *answer);
	void (*explain)(const json_t *answer);
	void (*tokens)(const json_t *answer, bool whole);	/* whole: with all that there is to tell */
	void (*token_event)(const json_t *event);
	/* The end of a command. text: one sentence; last: the event or answer that decided, may be NULL. */
	void (*result)(const char *verb, bool ok, const char *text, const json_t *last);
	/* The same where an answer decided that has more to say to programs. */
	void (*result_of)(const char *verb, bool ok, const char *text, const json_t *answer);
};

extern const struct output output_text;
extern const struct output output_json;

#endif
