/* SPDX-License-Identifier: MIT */
/* keydctl keygen: a private key for a file, and the line of keyd.conf(5) by which the other end knows it. Needs no keyd. */
#ifndef KEYD_CTL_KEYGEN_H
#define KEYD_CTL_KEYGEN_H

#include <stdbool.h>

/* Each returns an exit code, and has said on stderr why it failed. Only the line goes to stdout. */
/* Makes a key of a type ("ed25519", "p256", "rsa3072"; NULL: the usual one). With force, a file that is there is replaced. */
int keygen_make(const char *type, bool force, const char *file);
/* The line for a key, private or public, or a certificate that is there already. */
int keygen_public(const char *file);

#endif
