/* SPDX-License-Identifier: MIT */
/* Host and service names of statements, looked up after the whole text was read and before anything is applied. */
#ifndef SETKEY_LANG_RESOLVE_H
#define SETKEY_LANG_RESOLVE_H

#include "setkey/lang/script.h"

/*
 * Fills in what build_endpoint left open. 0, or -1 with a sentence in msg[n] and *token set to the name; results live in
 * the script's arena. This may ask DNS, and then blocks as long as the system's resolver does.
 */
int resolve_statement(struct script *sc, struct statement *st, char *msg, size_t n, const char **token);
/* Every statement of the script; each name that cannot be found is told like an error of the text. 0 or -1. */
int resolve_script(struct script *sc);

#endif
