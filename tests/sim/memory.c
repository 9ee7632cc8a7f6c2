// SPDX-License-Identifier: MIT
// Counts blocks of memory; OpenSSL and the C library keep their own, which are not counted.
#include "tests/sim/memory.h"

#include <stddef.h>

static long level;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t each);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t each);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
void __wrap_free(void *p);

static void *counted(void *p)
{
	level += p != NULL;
	return p;
}

void *__wrap_malloc(size_t n)
{
	return counted(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t each)
{
	return counted(__real_calloc(n, each));
}

void *__wrap_realloc(void *p, size_t n)
{
	return p ? __real_realloc(p, n) : counted(__real_malloc(n));
}

char *__wrap_strdup(const char *s)
{
	return counted(__real_strdup(s));
}

char *__wrap_strndup(const char *s, size_t n)
{
	return counted(__real_strndup(s, n));
}

void __wrap_free(void *p)
{
	level -= p != NULL;
	__real_free(p);
}

long memory_level(void)
{
	return level;
}
