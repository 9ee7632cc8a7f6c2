/* SPDX-License-Identifier: MIT */
/* keydctl token enroll: a key on a token, a request for its certificate, and the certificate beside it. Needs no keyd. */
#ifndef KEYD_CTL_ENROLL_H
#define KEYD_CTL_ENROLL_H

#include <stdbool.h>

/* Whether these are arguments for it; it has options that no other command has. */
bool enroll_is_asked(int argc, char **argv);
/* An exit code; all is said. */
int enroll_main(int argc, char **argv);

#endif
