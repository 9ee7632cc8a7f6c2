// SPDX-License-Identifier: MIT
// gzip, by zlib.
#include "keyd/card/gunzip.h"

#include <zlib.h>

#define GZIP_ONLY 16	/* added to the size of the window */

bool gunzip_is(struct view v)
{
	return v.n > 2 && v.p[0] == 0x1f && v.p[1] == 0x8b;
}

int gunzip(struct view v, uint8_t *out, size_t *n)
{
	z_stream z = { .next_in = (Bytef *)v.p, .avail_in = (uInt)v.n, .next_out = out, .avail_out = (uInt)*n };
	int r = inflateInit2(&z, MAX_WBITS + GZIP_ONLY);

	if (r != Z_OK)
		return -1;
	r = inflate(&z, Z_FINISH);
	*n = z.total_out;
	inflateEnd(&z);
	return r == Z_STREAM_END ? 0 : -1;
}
