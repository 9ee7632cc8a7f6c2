// SPDX-License-Identifier: GPL-2.0-only
// What shell tests of the gap meter cannot say: an interrupted dump, a migration of SAs, a packet that is under way.
#include "kmod/uapi/ipsec_gap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/xfrm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Alignas(8) uint8_t request[4096], answer[4096];	/* small, so that a dump takes many answers */
static struct mnl_socket *sock;

static void die(const char *what)
{
	fprintf(stderr, "gap_ask: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void open_to(int bus)
{
	sock = mnl_socket_open(bus);
	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
}

static struct nlmsghdr *head(uint16_t type, uint16_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(request);

	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | flags;
	return m;
}

static struct nlmsghdr *genl_head(uint16_t type, uint8_t command, uint16_t flags)
{
	struct nlmsghdr *m = head(type, flags);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(m, sizeof(*g));

	g->cmd = command;
	g->version = 1;
	return m;
}

/* MNL_CB_OK: there is more */
static int hear(mnl_cb_t each, void *arg)
{
	ssize_t n = mnl_socket_recvfrom(sock, answer, sizeof(answer));
	int r = n < 0 ? -1 : mnl_cb_run(answer, (size_t)n, 0, 0, each, arg);

	if (r < 0)
		die("the kernel's answer");
	return r;
}

/* ---- dumps ---- */

static int id_of(const struct nlattr *a, void *arg)
{
	if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
		*(uint16_t *)arg = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

static int on_family(const struct nlmsghdr *m, void *arg)
{
	mnl_attr_parse(m, sizeof(struct genlmsghdr), id_of, arg);
	return MNL_CB_STOP;
}

static int print_peer(const struct nlattr *a, void *arg)
{
	char text[INET6_ADDRSTRLEN];

	(void)arg;
	if (mnl_attr_get_type(a) == IPSEC_GAP_A_PEER)
		puts(inet_ntop(mnl_attr_get_payload_len(a) == 16 ? AF_INET6 : AF_INET, mnl_attr_get_payload(a), text, sizeof(text)));
	return MNL_CB_OK;
}

static int on_object(const struct nlmsghdr *m, void *arg)
{
	(void)arg;
	return mnl_attr_parse(m, sizeof(struct genlmsghdr), print_peer, NULL);
}

/* The peers of all there is, in the order of the dump. Behind its first part the command is run. */
static void dump(uint8_t what, const char *command)
{
	uint16_t family = 0;
	struct nlmsghdr *m;

	open_to(NETLINK_GENERIC);
	m = genl_head(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(m, CTRL_ATTR_FAMILY_NAME, IPSEC_GAP_FAMILY);
	if (mnl_socket_sendto(sock, m, m->nlmsg_len) < 0)
		die("netlink");
	hear(on_family, &family);
	m = genl_head(family, what, NLM_F_DUMP);
	if (mnl_socket_sendto(sock, m, m->nlmsg_len) < 0)
		die("netlink");
	if (hear(on_object, NULL) == MNL_CB_STOP || system(command))
		die("it was all told at once, or the command failed");
	while (hear(on_object, NULL) != MNL_CB_STOP)
		;
}

/* ---- migration ---- */

static uint32_t address(const char *text)
{
	uint32_t a;

	if (inet_pton(AF_INET, text, &a) != 1)
		die(text);
	return a;
}

/* The outbound policy between two addresses, from one pair of ends to another */
static void migrate(char **args, uint8_t mode)
{
	struct xfrm_userpolicy_id id = { .sel = { .family = AF_INET, .prefixlen_s = 32, .prefixlen_d = 32 }, .dir = XFRM_POLICY_OUT };
	struct xfrm_user_migrate move = { .proto = IPPROTO_ESP, .mode = mode, .old_family = AF_INET, .new_family = AF_INET };
	struct nlmsghdr *m = head(XFRM_MSG_MIGRATE, NLM_F_ACK);

	id.sel.saddr.a4 = address(args[0]);
	id.sel.daddr.a4 = address(args[1]);
	move.old_saddr.a4 = address(args[2]);
	move.old_daddr.a4 = address(args[3]);
	move.new_saddr.a4 = address(args[4]);
	move.new_daddr.a4 = address(args[5]);
	move.reqid = (uint32_t)strtoul(args[6], NULL, 0);
	memcpy(mnl_nlmsg_put_extra_header(m, sizeof(id)), &id, sizeof(id));
	mnl_attr_put(m, XFRMA_MIGRATE, sizeof(move), &move);
	open_to(NETLINK_XFRM);
	if (mnl_socket_sendto(sock, m, m->nlmsg_len) < 0)
		die("netlink");
	hear(NULL, NULL);
}

/* ---- a packet ---- */

/* Its route is looked up, then the command is run, and then it leaves (UDP, port 9). */
static void under_way(const char *from, const char *to, const char *command)
{
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_addr.s_addr = address(from) };
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_addr.s_addr = address(to), .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) || connect(fd, (struct sockaddr *)&peer, sizeof(peer)))
		die("socket");
	if (send(fd, "half", 4, MSG_MORE) != 4 || system(command))
		die("the first half, or the command");
	/* That it was dropped may be an error here. */
	(void)!send(fd, "half", 4, 0);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "paths"))
		dump(IPSEC_GAP_CMD_PATH, argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "spis"))
		dump(IPSEC_GAP_CMD_SPI, argv[2]);
	else if (argc == 9 && !strcmp(argv[1], "migrate"))
		migrate(argv + 2, XFRM_MODE_TUNNEL);
	else if (argc == 9 && !strcmp(argv[1], "migrate-transport"))
		migrate(argv + 2, XFRM_MODE_TRANSPORT);
	else if (argc == 5 && !strcmp(argv[1], "under-way"))
		under_way(argv[2], argv[3], argv[4]);
	else
		fputs("usage: gap_ask paths|spis COMMAND\n       gap_ask under-way SRC DST COMMAND\n"
		      "       gap_ask migrate[-transport] SRC DST OLD_SRC OLD_DST NEW_SRC NEW_DST REQID\n", stderr);
	return argc != 3 && argc != 5 && argc != 9;
}
