/* SPDX-License-Identifier: MIT */
/* How many blocks of memory the project's code holds: its calls of malloc and the like are counted (linker's --wrap). */
#ifndef TESTS_SIM_MEMORY_H
#define TESTS_SIM_MEMORY_H

/* Blocks that are held now. */
long memory_level(void);

#endif
