// SPDX-License-Identifier: MIT
// Gives the trust role what is believed: CAs, keys, our own certificates, revocation lists.
#include "keyd/roles/message.h"
#include "keyd/roles/parent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MAX 256			/* files of one folder */

static void handover_ca(struct ipc *trust, const struct conf_ca *c)
{
	struct rd r = rd_of(c->certs, c->ncerts);
	struct view parts[2] = { { c->set.b, sizeof(c->set.b) } };
	uint32_t n;

	while (!rd_u32(&r, &n) && !rd_view(&r, n, &parts[1]))
		ipc_sendv(trust, M_TRUST_CA, 0, parts, 2, -1);
}

static void handover_own(const struct parent *p, struct ipc *trust, const struct conf_cred *c)
{
	struct message_own head = { .key = c->key };
	const struct view parts[] = { { (const uint8_t *)&head, sizeof(head) }, { c->chain, c->nchain } };

	if (!c->nchain)
		return;
	conf_at_format(&p->conf, c->at, head.at, sizeof(head.at));
	ipc_sendv(trust, M_TRUST_OWN, 0, parts, 2, -1);
}

static void list_failed(const char *at, const char *path, const char *why)
{
	log_error("%s: crl %s: %s: revocation is judged without it", at, path, why);
}

/* A regular file, and nothing that opening it would wait for. -1: said why. */
static int open_list(const char *at, const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		list_failed(at, path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		list_failed(at, path, "it is no file");
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static void handover_list(struct ipc *trust, const char *at, const char *path)
{
	char name[MESSAGE_NAME_MAX];
	int fd = open_list(at, path);
	struct view v = { (const uint8_t *)name, 0 };

	if (fd < 0)
		return;
	snprintf(name, sizeof(name), "%s: crl %s", at, path);
	v.n = strlen(name);
	ipc_sendv(trust, M_TRUST_CRL, 0, &v, 1, fd);
	close(fd);
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Each file in it, in the order of their names. */
static void handover_folder(struct ipc *trust, const char *at, const char *folder)
{
	char path[PATH_MAX];
	struct dirent **all = NULL;
	int n = scandir(folder, &all, visible, alphasort);
	struct stat st;

	if (n < 0)
		list_failed(at, folder, strerror(errno));
	if (n > FOLDER_MAX)
		log_error("%s: crl %s: it has %d files, of which only the first %d are read", at, folder, n, FOLDER_MAX);
	for (int i = 0; i < n; i++) {
		if (i < FOLDER_MAX && (size_t)snprintf(path, sizeof(path), "%s/%s", folder, all[i]->d_name) < sizeof(path) &&
		    (stat(path, &st) || !S_ISDIR(st.st_mode)))
			handover_list(trust, at, path);
		free(all[i]);
	}
	free(all);
}

static void handover_crl(const struct parent *p, struct ipc *trust, const struct conf_crl *c)
{
	char at[CONF_PATH_MAX + 16];
	struct stat st;

	conf_at_format(&p->conf, c->at, at, sizeof(at));
	if (c->url)
		ipc_send(trust, M_TRUST_CRL_URL, 0, c->where, strlen(c->where));
	else if (!stat(c->where, &st) && S_ISDIR(st.st_mode))
		handover_folder(trust, at, c->where);
	else
		handover_list(trust, at, c->where);
}

static void on_cached(void *arg, struct view url, int fd)
{
	ipc_sendv(arg, M_TRUST_CACHED, 0, &url, 1, fd);
}

void handover_trust(struct parent *p)
{
	struct ipc *trust = p->children[ROLE_TRUST].ch;
	const struct conf *c = &p->conf;
	struct message_trust head = { .fetch = c->fetch, .warning_days = c->expiry_warning };

	ipc_send(trust, M_TRUST_BEGIN, 0, &head, sizeof(head));
	for (unsigned int i = 0; i < c->ncas; i++)
		handover_ca(trust, &c->cas[i]);
	for (unsigned int i = 0; i < c->npins; i++)
		ipc_send(trust, M_TRUST_PIN, 0, c->pins[i].spki, c->pins[i].nspki);
	for (unsigned int i = 0; i < c->ncreds; i++)
		handover_own(p, trust, &c->creds[i]);
	for (unsigned int i = 0; i < c->ncrls; i++)
		handover_crl(p, trust, &c->crls[i]);
	/* One that runs already knows what was fetched. */
	if (c->fetch && !p->children[ROLE_TRUST].ready)
		cache_each(&p->cache, on_cached, trust);
	ipc_send(trust, M_TRUST_END, 0, NULL, 0);
}
