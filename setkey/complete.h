/* SPDX-License-Identifier: MIT */
/* Which words may stand at a place of a line that is being typed. */
#ifndef SETKEY_COMPLETE_H
#define SETKEY_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

typedef void complete_fn(const char *word, void *arg);

/*
 * Calls fn with each word that may follow text[0..n) and begins with the word at its end, whose length (which may be 0)
 * is returned. begun: a statement was begun in a line before.
 */
size_t complete_word(const char *text, size_t n, bool begun, complete_fn *fn, void *arg);

#endif
