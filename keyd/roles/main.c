// SPDX-License-Identifier: MIT
// keyd(8): one binary, which starts itself again for each role.
#include "keyd/roles/parent.h"
#include "keyd/roles/worker.h"

#include <fcntl.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	const struct role *role;
	struct options o;
	int r = options_parse(&o, argc, argv);

	if (r)
		return r - 1;
	if (!o.role)
		return parent_main(&o);
	role = role_by_id(role_by_name(o.role));
	if (!role || fcntl(ROLE_CHANNEL_FD, F_GETFD) < 0) {
		fprintf(stderr, "keyd: roles are started by keyd itself\n");
		return KEYD_USAGE;
	}
	log_open(role->who, o.target, o.level);
	return worker_main(role, &o);
}
