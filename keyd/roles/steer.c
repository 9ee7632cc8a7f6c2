// SPDX-License-Identifier: MIT
// The kernel's program that sorts IKE datagrams.
#include "keyd/roles/steer.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>

#define MARKER_LEN 4
#define SPI_R_AT 8
#define FLAGS_AT 19
#define FLAG_RESPONSE 0x20

enum { FIRST_REQUESTS, THE_REST };	/* by the order of binding */

int steer_share(int fd)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int)) ? -errno : 0;
}

/* A first request has no responder's SPI yet (RFC 7296 2.6), and is no response. What is shorter ends the program: 0. */
int steer_sort(int fd, bool marked)
{
	unsigned int at = marked ? MARKER_LEN : 0;
	struct sock_filter lines[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, at + FLAGS_AT),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FLAG_RESPONSE, 5, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at + SPI_R_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at + SPI_R_AT + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, FIRST_REQUESTS),
		BPF_STMT(BPF_RET | BPF_K, THE_REST),
	};
	struct sock_fprog program = { sizeof(lines) / sizeof(lines[0]), lines };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) ? -errno : 0;
}
