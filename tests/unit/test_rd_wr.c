// SPDX-License-Identifier: MIT
// The cursors: what they read and write, and that they stop at the end.
#include "keyd/util/rd.h"
#include "keyd/util/wr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void reads_network_order(void **state)
{
	static const uint8_t in[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct rd r = rd_of(in, sizeof(in));
	uint8_t a;
	uint16_t b;
	uint32_t c;
	uint64_t d;

	(void)state;
	assert_int_equal(rd_u8(&r, &a), 0);
	assert_int_equal(rd_u16(&r, &b), 0);
	assert_int_equal(rd_u32(&r, &c), 0);
	assert_int_equal(rd_u64(&r, &d), 0);
	assert_int_equal(a, 1);
	assert_int_equal(b, 0x0203);
	assert_int_equal(c, 0x04050607);
	assert_true(d == UINT64_C(0x08090a0b0c0d0e0f));
	assert_int_equal(rd_left(&r), 0);
}

/* A failed read leaves cursor and result as they were. */
static void stops_at_the_end(void **state)
{
	static const uint8_t in[] = { 1, 2, 3, 4, 5, 6, 7 };
	struct rd r, child = { 0 };
	uint8_t a = 0xaa;
	uint16_t b = 0xbbbb;
	uint32_t c = 0xcccccccc;
	uint64_t d = UINT64_C(0xdddddddddddddddd);
	struct view v = { in, 99 };

	(void)state;
	r = rd_of(in, 7);
	assert_int_equal(rd_u64(&r, &d), -1);
	r = rd_of(in, 3);
	assert_int_equal(rd_u32(&r, &c), -1);
	assert_int_equal(rd_view(&r, 4, &v), -1);
	assert_int_equal(rd_skip(&r, 4), -1);
	assert_int_equal(rd_sub(&r, SIZE_MAX, &child), -1);
	assert_ptr_equal(r.p, in);
	r = rd_of(in, 1);
	assert_int_equal(rd_u16(&r, &b), -1);
	r = rd_of(in, 0);
	assert_int_equal(rd_u8(&r, &a), -1);
	assert_ptr_equal(r.p, in);

	assert_int_equal(a, 0xaa);
	assert_int_equal(b, 0xbbbb);
	assert_int_equal(c, 0xcccccccc);
	assert_true(d == UINT64_C(0xdddddddddddddddd));
	assert_int_equal(v.n, 99);
	assert_null(child.p);
}

static void children_are_bounded(void **state)
{
	static const uint8_t in[] = { 1, 2, 3, 4, 5, 6 };
	struct rd r = rd_of(in, sizeof(in)), child;
	struct view v;
	uint32_t c;

	(void)state;
	assert_int_equal(rd_skip(&r, 1), 0);
	assert_int_equal(rd_sub(&r, 3, &child), 0);
	assert_int_equal(rd_left(&r), 2);
	assert_int_equal(rd_u32(&child, &c), -1);
	v = rd_rest(&child);
	assert_ptr_equal(v.p, in + 1);
	assert_int_equal(v.n, 3);
	assert_int_equal(rd_left(&child), 0);
	v = rd_rest(&child);
	assert_int_equal(v.n, 0);
	assert_int_equal(rd_view(&r, 2, &v), 0);
	assert_ptr_equal(v.p, in + 4);
	assert_int_equal(rd_view(&r, 0, &v), 0);
	assert_int_equal(v.n, 0);
}

static void writes_network_order(void **state)
{
	static const uint8_t want[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'h', 'i', 'h', 'o', 0, 0 };
	uint8_t buf[sizeof(want)];
	struct wr w = wr_of(buf, sizeof(buf));

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	wr_u8(&w, 1);
	wr_u16(&w, 0x0203);
	wr_u32(&w, 0x04050607);
	wr_u64(&w, UINT64_C(0x08090a0b0c0d0e0f));
	wr_mem(&w, "hi", 2);
	wr_put(&w, (struct view){ (const uint8_t *)"ho", 2 });
	wr_zero(&w, 2);
	wr_mem(&w, NULL, 0);
	assert_true(wr_ok(&w));
	assert_int_equal(wr_view(&w).n, sizeof(want));
	assert_memory_equal(wr_view(&w).p, want, sizeof(want));
}

/* Nothing is written behind the end, and nothing more once something did not fit. */
static void overflow_is_sticky(void **state)
{
	uint8_t buf[8];
	struct wr w = wr_of(buf, 4);

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	wr_u16(&w, 0x0102);
	wr_u32(&w, 0);
	assert_false(wr_ok(&w));
	wr_u8(&w, 9);
	assert_null(wr_room(&w, 1));
	wr_patch_u16(&w, 0, 0x0909);
	wr_patch_u8(&w, 0, 9);
	assert_int_equal(w.len, 2);
	assert_memory_equal(buf, "\1\2\377\377\377\377\377\377", 8);

	w = wr_of(buf, 4);
	wr_zero(&w, SIZE_MAX);
	assert_false(wr_ok(&w));
	w = wr_of(NULL, 0);
	wr_u8(&w, 1);
	assert_false(wr_ok(&w));
}

static void patches_what_was_written(void **state)
{
	uint8_t buf[8];
	struct wr w = wr_of(buf, sizeof(buf));
	uint8_t *room;

	(void)state;
	memset(buf, 0xff, sizeof(buf));
	wr_u32(&w, 0);
	room = wr_room(&w, 1);
	assert_ptr_equal(room, buf + 4);
	*room = 7;
	wr_patch_u16(&w, 1, 0x0102);
	wr_patch_u8(&w, 0, 3);
	/* Across or behind the end: left alone. */
	wr_patch_u16(&w, 4, 0x0909);
	wr_patch_u8(&w, 5, 9);
	assert_true(wr_ok(&w));
	assert_memory_equal(buf, "\3\1\2\0\7\377\377\377", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_network_order),
		cmocka_unit_test(stops_at_the_end),
		cmocka_unit_test(children_are_bounded),
		cmocka_unit_test(writes_network_order),
		cmocka_unit_test(overflow_is_sticky),
		cmocka_unit_test(patches_what_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
