/* SPDX-License-Identifier: MIT */
/* A folder of files that only we write: nobody else can have put anything into it. */
#ifndef KEYD_ROLES_FOLDER_H
#define KEYD_ROLES_FOLDER_H

/* A descriptor, or -1 with errno: ENOENT: there is none; EPERM: others could put files there. */
int folder_open(const char *path);

#endif
