/* SPDX-License-Identifier: MIT */
/* A doubly linked list inside the things that it lists; the kernel's list_head in thirty lines. */
#ifndef KEYD_UTIL_LIST_H
#define KEYD_UTIL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define list_entry(ptr, type, member) container_of(ptr, type, member)

/* The body may take pos out of the list, and nothing else. */
#define list_each(pos, head, type, member) \
	for (type *pos = list_entry((head)->next, type, member), \
		  *pos##_next = list_entry(pos->member.next, type, member); \
	     &pos->member != (head); \
	     pos = pos##_next, pos##_next = list_entry(pos->member.next, type, member))

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct list *head, struct list *item)
{
	item->prev = head->prev;
	item->next = head;
	head->prev->next = item;
	head->prev = item;
}

static inline void list_add_head(struct list *head, struct list *item)
{
	list_add_tail(head->next, item);	/* NOLINT(clang-analyzer-unix.Malloc): see list_del */
}

/*
 * Taking out what is in no list does nothing, if it was initialised. clang's analyzer does not know that the links of
 * neighbours agree, and takes what was freed after this for still linked.
 */
static inline void list_del(struct list *item)
{
	item->prev->next = item->next;	/* NOLINT(clang-analyzer-unix.Malloc) */
	item->next->prev = item->prev;		/* NOLINT(clang-analyzer-unix.Malloc) */
	list_init(item);
}

/* All of from moves to the end of to. */
static inline void list_splice_tail(struct list *to, struct list *from)
{
	while (!list_empty(from)) {
		struct list *item = from->next;

		list_del(item);
		list_add_tail(to, item);
	}
}

#endif
