/* SPDX-License-Identifier: MIT */
/* Private to the output for people. */
#ifndef KEYD_CTL_OUTPUT_TEXT_H
#define KEYD_CTL_OUTPUT_TEXT_H

#include <jansson.h>
#include <stdbool.h>

/* "1d02h", "3h05m", "4m10s", "12s" into buf[n], returned. */
const char *output_duration(long long s, char *buf, size_t n);

/* output_token.c: of struct output */
void output_text_tokens(const json_t *answer, bool whole);
void output_text_token_event(const json_t *event);

#endif
