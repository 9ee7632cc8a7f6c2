/* SPDX-License-Identifier: MIT */
/* PKCS#11 modules by name: as p11-kit's configuration of the system names them, or the file in the folder of modules. */
#ifndef KEYD_CARD_MODULE_H
#define KEYD_CARD_MODULE_H

#include <stddef.h>

/*
 * name: a whole file name, which comes back as it is, or "softhsm2", "opensc-pkcs11", "opensc" for short. 0 and the file's name in buf[n], or -1:
 * no such module is installed, or n is too little.
 */
int card_module_file(const char *name, char *buf, size_t n);

#endif
