/* SPDX-License-Identifier: MIT */
/* PKCS#11 modules by name: as p11-kit's configuration of the system names them, or the file in the folder of modules. */
#ifndef KEYD_CARD_MODULE_H
#define KEYD_CARD_MODULE_H

#include <stdbool.h>
#include <stddef.h>

#define CARD_MODULE_NAME_MAX 128		/* bytes of a name in p11-kit's configuration, with NUL */

/*
 * name: a whole file name, which comes back as it is, or "softhsm2", "opensc-pkcs11", "opensc" for short. 0 and the
 * file's name in buf[n], or -1: no such module is installed, or n is too little.
 */
int card_module_file(const char *name, char *buf, size_t n);

/*
 * Names of modules that p11-kit's configuration of the system lists, for card_module_file: but those of another program
 * ("enable-in", "disable-in"), and those that have no keys ("trust-policy"). How many, room at most.
 */
unsigned card_modules_listed(char (*names)[CARD_MODULE_NAME_MAX], unsigned room);
/* … of these folders: the administrator's, and that of packages. */
unsigned card_modules_in(const char *local, const char *package, char (*names)[CARD_MODULE_NAME_MAX], unsigned room);

#endif
