// SPDX-License-Identifier: MIT
// Loads configuration and secrets as the command line asks, and sets the kernel's one switch.
#include "keyd/roles/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LARVAL_DROP "/proc/sys/net/core/xfrm_larval_drop"

int settings_load(const struct options *o, struct conf *c, struct conf_secrets *s, conf_error_fn *err, void *arg)
{
	int r = 0;

	*c = (struct conf){ 0 };
	*s = (struct conf_secrets){ 0 };
	if (!o->conf && !o->psk) {
		err("no configuration: there is no " KEYD_CONF_DEFAULT ", and neither -f nor --psk was given", arg);
		return -ENOENT;
	}
	if (o->conf)
		r = conf_load(c, s, o->conf, err, arg);
	else
		conf_defaults(c);
	if (r)
		return r;
	if (o->psk) {
		s->file = conf_file_number(c, o->psk);
		c->secrets = (struct conf_at){ .line = 1, .file = s->file };
		r = psk_file_load(s, o->psk, err, arg);
	}
	if (!r)
		return 0;
	conf_free(c);
	conf_secrets_free(s);
	return r;
}

/*
 * With 1, the kernel's default, the packets that ask for an SA vanish until it is there. With 0 they wait, and no packet
 * is lost because of keying.
 */
void settings_kernel(const struct options *o, const struct conf *c)
{
	char now = 0;
	int fd;

	if (c->larval_drop || (o->backend && !strcmp(o->backend, "fake")))
		return;
	fd = open(LARVAL_DROP, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;			/* no XFRM: the kern role says so */
	if (fd >= 0 && read(fd, &now, 1) == 1 && now == '0')
		goto out;
	if (fd < 0 || pwrite(fd, "0\n", 2, 0) != 2)
		log_warning("net.core.xfrm_larval_drop cannot be set to 0, so packets are lost while keys are negotiated: "
			    "error=\"%s\"", strerror(errno));
	else
		log_notice("net.core.xfrm_larval_drop set to 0: packets wait for their keys and are not dropped");
out:
	if (fd >= 0)
		close(fd);
}
