// SPDX-License-Identifier: MIT
// Memory for key material.
#include "keyd/util/secret.h"

#include <stdlib.h>
#include <string.h>

void secret_cleanse(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}

int secret_alloc(struct secret *s, size_t n)
{
	secret_clear(s);
	s->p = calloc(1, n ? n : 1);
	if (!s->p)
		return -1;
	s->n = n;
	return 0;
}

int secret_set(struct secret *s, const void *p, size_t n)
{
	if (secret_alloc(s, n))
		return -1;
	if (n)
		memcpy(s->p, p, n);
	return 0;
}

void secret_clear(struct secret *s)
{
	if (s->p)
		secret_cleanse(s->p, s->n);
	free(s->p);
	*s = (struct secret){ 0 };
}

void secret_move(struct secret *to, struct secret *from)
{
	secret_clear(to);
	*to = *from;
	*from = (struct secret){ 0 };
}

bool secret_equal(struct view a, struct view b)
{
	volatile uint8_t diff = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		diff |= a.p[i] ^ b.p[i];
	return diff == 0;
}
