(* lanchat/1, PROTOCOL.md 5.5: SHARED RECORDS. The host seals for a room A (it reports a member that joined), REKEY,
   B (it reports one that left); then, with a fresh secret, C. Each member gets them on a connection of its own, among
   its own records: KEY, (A, REKEY, B), KEY, (C), one more. The attacker is a member, on the wire of all others: it
   knows the secrets of the shared records while it is in the room. A victim takes as many shared records before its
   own next one as the network likes: up to as many as the host sent, then up to one more.
   A history is the list of the texts of BATCH and MEMBER (Ldata), in order; REKEY counts in the transcript alone. The
   number in an ACK or RESUME is the network's choice: a forged record has as many entries as the attacker likes.
   The frame's first 4 bytes are left out: own and shared records have different keys.
   Switches: OUTSIDE: the attacker is no member; BACK: the connection is lost before the second KEY, and the victim
   comes back with RESUME, over another handshake (link). MUT_*: one thing left out. *)
free c: channel.
type key. type tag_t.
const Lrec, Lnext, Ldata, Lrekey, Lkey, Lack, Lresume: tag_t.
const none: bitstring.                                                     (* T before the first; no history *)
fun kdf(tag_t, key): key.
fun H(bitstring, bitstring): bitstring.
fun senc(nat, bitstring, bitstring, key): bitstring.                       (* counter, additional data, text *)
reduc forall n: nat, a: bitstring, m: bitstring, k: key; sdec(n, a, senc(n,a,m,k), k) = m.
reduc forall n: nat, a: bitstring, m: bitstring, k: key; openany(senc(n,a,m,k), k) = m.     (* without the tag *)
event Sent(bitstring, bitstring).                (* host: connection, history up to a shared record *)
event Took(bitstring, bitstring).                (* victim: has taken that *)
event Counted(bitstring, bitstring).             (* host: counts that as delivered *)
event SentOwn(bitstring, bitstring, bitstring).  (* host: connection, text of an own record, history before it *)
event TookOwn(bitstring, bitstring, bitstring).  (* victim: the same *)
free secX: bitstring [private].
ifdef(`Q_DELIVERED',`query d, h: bitstring; inj-event(Counted(d,h)) ==> inj-event(Took(d,h)).')
ifdef(`Q_OWN',`query d, o, h: bitstring; inj-event(TookOwn(d,o,h)) ==> inj-event(SentOwn(d,o,h)).')
ifdef(`Q_JOIN',`query attacker(secX).')
ifdef(`Q_LEAVE',`query attacker(secX).')
ifdef(`Q_TAKEN',`query d, h: bitstring; event(Took(d,h)) ==> event(Sent(d,h)).')
ifdef(`Q_REACH',`query d, o, h: bitstring; event(TookOwn(d,o,h)).
query d, a, b, m: bitstring; event(Counted(d,(((none,a),b),m))).')
define(`STEP',`ifdef(`MUT_NO_STEP',`$1',`kdf(Lnext, $1)')')dnl
define(`DOWN',`ifdef(`BACK',`down2',`down')')dnl                            the keys and counters of the second part
define(`UP',`ifdef(`BACK',`up2',`up')')dnl
define(`PLACE',`ifdef(`BACK',decr($1),$1)')dnl
define(`AAD_KEY',`ifdef(`BACK',`none',`ifdef(`MUT_NO_KEY_T',`none',`$1')')')dnl
define(`AAD',`ifdef(`MUT_NO_AAD_T',`none',`$1')')dnl

(* A member after $1 shared records: secret s, counter i, transcript t, that to acknowledge a, history h. It takes up
   to $2 more, and goes on as $3. *)
define(`UPTO',`ifelse($2,0,`$3($1)',`in(c, more$1: bool); if more$1 then (
  in(c, y$1: bitstring); let (l$1: tag_t, m$1: bitstring) = sdec(i$1, t$1, y$1, kdf(Lrec, s$1)) in
  NEXT($1,incr($1),$2,`$3')) else $3($1)')')dnl
define(`NEXT',`let t$2 = H(t$1, y$1) in
  if l$1 = Ldata then ( let s$2 = s$1 in let i$2 = i$1 + 1 in let a$2 = t$2 in let h$2 = (h$1, m$1) in
    event Took(d, h$2); UPTO($2,decr($3),`$4') )
  else if l$1 = Lrekey then ( let s$2 = STEP(s$1) in let i$2 = 0 in let a$2 = a$1 in let h$2 = h$1 in
    UPTO($2,decr($3),`$4') )')dnl
define(`REPORT',`in(c, q$1: nat); out(c, senc($2, none, ($3, q$1, a$1), kdf(Lrec, $4)));')dnl
define(`FIRST',`ifdef(`BACK',`new down2: key; new up2: key; out(link, (down2, up2));')
  REPORT($1,0,ifdef(`BACK',`Lresume',`Lack'),UP)
  in(c, x$1: bitstring);
  let (=Lkey, s10: key, i10: nat, t10: bitstring) = sdec(PLACE(1), AAD_KEY(t$1), x$1, kdf(Lrec, DOWN)) in
  let a10 = a$1 in let h10 = h$1 in UPTO(10,2,`SECOND')')dnl
define(`SECOND',`REPORT($1,1,Lack,UP)
  in(c, z$1: bitstring); let (=Ldata, o$1: bitstring) = sdec(PLACE(2), AAD(t$1), z$1, kdf(Lrec, DOWN)) in
  event TookOwn(d, o$1, h$1)')dnl
let Victim(d: bitstring, down: key, up: key, link: channel) =
  in(c, x: bitstring); let (=Lkey, s0: key, i0: nat, t0: bitstring) = sdec(0, none, x, kdf(Lrec, down)) in
  let a0 = none in let h0 = none in UPTO(0,3,`FIRST').

(* What the host counts: an ACK or RESUME with the transcript after the record whose last entry has that number. *)
define(`ACK_FITS',`ifdef(`MUT_NO_ACK_T',`true',`$1')')dnl
define(`RESUME_FITS',`ifdef(`MUT_NO_RESUME_T',`true',`$1')')dnl
process ! new s0: key; new t0: bitstring; new s: key; new t2: bitstring; new mB: bitstring;
  ifdef(`Q_JOIN',`let mA = secX in',`new mA: bitstring;') ifdef(`Q_LEAVE',`let mC = secX in',`new mC: bitstring;')
  let A = senc(0, t0, (Ldata, mA), kdf(Lrec, s0)) in let tA = H(t0, A) in
  let R = senc(1, tA, (Lrekey, none), kdf(Lrec, s0)) in let tR = H(tA, R) in let s1 = STEP(s0) in
  let B = senc(0, tR, (Ldata, mB), kdf(Lrec, s1)) in let tB = H(tR, B) in
  let s2 = ifdef(`MUT_NO_FRESH',`kdf(Lnext, s1)',`s') in
  let C = senc(0, t2, (Ldata, mC), kdf(Lrec, s2)) in let tC = H(t2, C) in
  let hA = (none, mA) in let hB = (hA, mB) in let hC = (hB, mC) in
  out(c, (A, R, B, C));
  ifdef(`OUTSIDE',`',`out(c, ifdef(`Q_JOIN',`(s1, tR, s2, t2)',`ifdef(`Q_LEAVE',`(s0, t0)',`(s0, t0, s2, t2)')'));')
  ! new d: bitstring; new down: key; new up: key; new link: channel;
  ( Victim(d, down, up, link)
  | ( event Sent(d, hA); event Sent(d, hB); event Sent(d, hC);
      out(c, senc(0, none, (Lkey, s0, 0, t0), kdf(Lrec, down)));
      ifdef(`BACK',`in(link, (down2: key, up2: key)); in(c, w: bitstring);
      let (=Lresume, =2, t: bitstring) = sdec(0, none, w, kdf(Lrec, up2)) in
      if RESUME_FITS(`t = tB') then event Counted(d, hB);')
      out(c, senc(PLACE(1), AAD_KEY(tB), (Lkey, s2, 0, t2), kdf(Lrec, DOWN)));
      new o: bitstring; event SentOwn(d, o, hC); out(c, senc(PLACE(2), AAD(tC), (Ldata, o), kdf(Lrec, DOWN)));
      in(c, v: bitstring); let (=Lack, =3, t3: bitstring) = sdec(1, none, v, kdf(Lrec, UP)) in
      if ACK_FITS(`t3 = tC') then event Counted(d, hC) )
  ifdef(`BACK',`',`| ( in(c, w: bitstring); let (=Lack, q: nat, t: bitstring) = sdec(0, none, w, kdf(Lrec, up)) in
      if q = 1 && ACK_FITS(`t = tA') then event Counted(d, hA) else
      if q = 2 && ACK_FITS(`t = tB') then event Counted(d, hB) )') )
