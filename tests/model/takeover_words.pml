/* takeover.pml: what the processes share, and the functions that change it. */
#ifndef NOPS
#define NOPS 2
#endif
#ifndef NEPOCH
#define NEPOCH 4
#endif
#ifndef PROCESSES
#define PROCESSES 2
#endif
#ifndef TURNS
#define TURNS 1
#endif
#define LSNS (NOPS + 2)
#define SEQUENCES (NOPS + NEPOCH + 1)
#define HOME 1 /* the writer's process */
#define NOBODY 0
#define ABANDONED 9
#define IN_LINE 99 /* origin of a record that came through no lane */

/* Answers: of a completion cell, of an in-line commit, and what the writer was told. */
#define NONE 0
#define PENDING 1
#define COMMITTED 2
#define REFUSED 3
#define NOT_APPLIED 4 /* cell: popped and never published; in line: left unanswered */
#define UNKNOWN 5
#define TAKEN 6

typedef Segment {
  byte name;   /* 0: none, 1: renamed, 2: its directory is synced */
  byte prev;   /* the link: segment, and how much of it counts */
  byte sealed;
  byte base;   /* LSN before its first record */
  byte used;   /* records written */
  byte synced; /* records on the disk for certain */
  byte op[LSNS];
  byte origin[LSNS];
}
Segment seg[NEPOCH];

byte lease_epoch = 1, lease_owner = NOBODY;
byte beat_epoch = 1;
byte durable_epoch = 1, durable = 0;
byte resolved_epoch = 1, resolved = 0;

byte submitted = 0;            /* lane: op_of[s] for s < submitted */
byte op_of[SEQUENCES];
byte head_epoch = 1, head = 0; /* everything before it was popped */
byte cell_key = 255, cell = NONE;
byte direct = NONE, direct_op; /* the in-line commit of HOME's thread */

byte told[NOPS];
byte asked; /* what was durable when the operation was submitted */
bool finished = false;

byte applied = 0, row[LSNS];

#ifdef SAME_SEQUENCE
#define KEY(s) op_of[s]
#else
#define KEY(s) (s)
#endif

/* Complete: from exactly {this sequence, pending}. */
inline Complete(key_, state_, base_) {
#ifdef PLAIN_ANSWER
  atomic { cell = state_; assert(state_ != REFUSED || base_ >= asked) }
#else
  atomic {
    if
    :: cell_key == key_ && cell == PENDING -> cell = state_; assert(state_ != REFUSED || base_ >= asked)
    :: else
    fi
  }
#endif
}

inline Pop() {
#ifdef PLAIN_HEAD
  head = q + 1
#elif defined(POP_AS_READ)
  atomic { if :: head == q && head_epoch == head_seen -> head = q + 1; head_epoch = e :: else -> goto fenced fi }
#else
  atomic { if :: head == q && head_epoch == e -> head = q + 1 :: else -> goto fenced fi }
#endif
}

inline Beat() {
  atomic { if :: beat_epoch > e -> goto fenced :: else fi }
}

inline Resolve(lsn_) {
#ifdef RESOLVED_UNFENCED
  atomic { resolved_epoch = e; resolved = lsn_ }
#else
  atomic { if :: resolved_epoch > e -> goto fenced :: else -> resolved_epoch = e; resolved = lsn_ fi }
#endif
}

/* The newest segment that the directory shows. */
inline Newest(to_) {
  to_ = NEPOCH - 1;
  do
  :: seg[to_].name == 0 -> to_--
  :: else -> break
  od
}

/* From segment c along the links back to the one that holds LSN lsn_ + 1. */
inline Find(lsn_) {
  do
  :: lsn_ < seg[c].base -> c = seg[c].prev
  :: else -> break
  od
}

inline ApplyRow(lsn_, op_) {
#ifdef NO_CONTINUITY
  atomic { assert(applied <= lsn_); row[lsn_] = op_; applied = lsn_ + 1 }
#else
  atomic { if :: applied == lsn_ -> row[lsn_] = op_; applied = lsn_ + 1 :: else fi }
#endif
}

/* The journal up to `durable`, read along the chain; then one SQLite transaction that looks at its mark. */
inline Apply() {
  d_step {
    if
    :: applied < durable -> r = applied; Newest(c); Find(r); q = seg[c].op[r - seg[c].base]
    :: else -> r = LSNS
    fi;
    c = 0
  };
  if
  :: r < LSNS -> ApplyRow(r, q)
  :: else
  fi
}

inline Restamp() {
  atomic { if :: durable_epoch > e -> goto again :: else -> durable_epoch = e fi };
  atomic { if :: resolved_epoch > e -> goto again :: else -> resolved_epoch = e fi }
}

inline SyncDirectory() {
  d_step {
    c = 1;
    do
    :: c < NEPOCH -> if :: seg[c].name == 1 -> seg[c].name = 2 :: else fi; c++
    :: else -> break
    od;
    c = 0
  }
}

/* Sealed at what is durable: whatever lies beyond is never data again. */
inline Seal() {
  atomic {
    Newest(s);
    if :: s >= e || seg[s].base > d -> goto fenced :: else fi
#ifdef SEAL_AT_TAIL
    ; d = seg[s].base + seg[s].used; seg[s].synced = seg[s].used
#endif
  };
#ifndef NO_SYNC_BEFORE_LINK
  SyncDirectory();
#endif
  atomic { seg[e].prev = s; seg[e].sealed = d - seg[s].base; seg[e].base = d; seg[e].name = 1; s = e };
#ifndef NO_SEAL_SYNC
  SyncDirectory();
#endif
#ifdef SEAL_AT_TAIL
  atomic { if :: durable_epoch == e -> durable = d :: else -> goto fenced fi }
#else
  skip
#endif
}

/* What the lane had in flight. seen: bit set of the sequences in the journal behind the resolved word; q: the newest, + 1. */
inline ResolveLanes() {
  d_step {
#ifdef RESOLVE_LAST_ONLY
    r = seg[seg[e].prev].base;
#else
    r = resolved;
#endif
    q = 0;
    do
    :: r < d ->
      c = e; Find(r);
      if
      :: seg[c].origin[r - seg[c].base] != IN_LINE ->
        q = seg[c].origin[r - seg[c].base] + 1;
        seen = seen | (1 << (q - 1))
      :: else
      fi;
      r++
    :: else -> break
    od;
    r = 0; c = 0
  };
#ifdef RESOLVED_BEFORE_ANSWERS
  Resolve(d);
#endif
  /* SlotReader::Begin: the head as it is now. */
#ifdef RESOLVE_ANY_HEAD
  r = head;
#else
  atomic { if :: head_epoch != e -> goto fenced :: else -> r = head fi };
#endif
  if
  :: q > r -> atomic { if :: head == r && head_epoch == e -> head = q; r = q :: else -> goto fenced fi }
  :: else
  fi;
  atomic {
    if
    :: cell == PENDING && cell_key < r && (seen & (1 << cell_key)) -> cell = COMMITTED
#ifndef NO_ORPHAN_RESOLVE
    :: cell == PENDING && cell_key < r && !(seen & (1 << cell_key)) -> cell = NOT_APPLIED
    :: cell != PENDING || cell_key >= r
#else
    :: else
#endif
    fi;
    q = 0; r = 0; seen = 0
  };
#ifndef RESOLVED_BEFORE_ANSWERS
  Resolve(d)
#endif
}

/* The in-line commit's own answer. */
inline Told(state_) {
  atomic { direct = (state_); assert(direct != REFUSED || d >= asked) }
}
