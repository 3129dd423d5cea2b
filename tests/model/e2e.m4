(* lanchat/1, PROTOCOL.md 6.1 to 6.6: END TO END. Channel c IS the relay: it has every host's key, reads, drops,
   keeps, repeats and makes up objects, says who is in which session, and may be a member with keys of its own.
     room      ik_R, room_id, member_key = KDF(ik_R; root), root = 0 in an open room
     sess      H(room_id, ik, nonce): the name of a session names its key
     ANNOUNCE  body = room_id, ik, nonce, gen, n, ek, seen (the reader's sess), name sealed under KDF(sess; member_key);
               mtag = HMAC(member_key; body); sig(body, mtag)
     SKDM      hdr = room_id, ik, sess, reader's ik, sess, gen, audience, VK; ct_rsa = OAEP(n; s_rsa); ct_kem = Encaps(ek; s_kem);
               wk = KDF(s_rsa, s_kem, member_key; H(hdr, n, ek, ct_rsa, ct_kem)); GCM(wk; ck); sig(all)
     MSG       hdr = room_id, sess, cid = H(VK), idx, kc; GCM(ek; hdr, text); sig by vk
   NEED and AGAIN (6.7) send the same objects once more, and rename (6.2) one more ANNOUNCE: a relay may do the first
   anyway; the order of generations is in count.m4.
   Switches: INVITE: the relay knows psk, not root; otherwise the room is open. INSIDER: a member of the room tells
   the relay the chain that it was given. Who is given a key: (default) keys that the author knows: those that were
   there when it locked the room (6.6), those it knows; TOFU: any that announces itself; NAMED: any under a name
   that it has verified (6.8), where the attacker may take any name. STALE, LEAK_*: keys that are stolen, and when.
   RSA_BROKEN, KEM_BROKEN: the session keys of one kind keep nothing. *)
free c: channel.
type rsk. type rpk. type ksk. type kpk. type ssk. type spk. type key. type tag_t.
const zero, i0, i1, audRoom, audOne, bob: bitstring.
const Lannounce, Lskdm, Lmsg, Lhostsig, Lmemsig, Lkick, Lmember, Lmkey, Lhdr, Lwrap, Lname: tag_t.
fun rpub(rsk): rpk.
fun oaep(tag_t, key, rpk, bitstring): bitstring.
reduc forall l: tag_t, k: key, s: rsk, r: bitstring; unoaep(l, oaep(l, k, rpub(s), r), s) = k.
fun kpub(ksk): kpk.                                                         (* ML-KEM: key, ciphertext, secret *)
fun encaps(kpk, bitstring): bitstring.
fun ksecret(kpk, bitstring): key.
reduc forall s: ksk, r: bitstring; decaps(encaps(kpub(s), r), s) = ksecret(kpub(s), r).
fun sessid(bitstring, spk, bitstring): bitstring.                           (* room_id, ik, nonce *)
fun keybits(key): bitstring [typeConverter].
fun vk(ssk): spk [private].               (* the attacker is given pairs, see the end: traces come out cleaner *)
fun sign(bitstring, ssk): bitstring.
reduc forall m: bitstring, s: ssk; checksign(m, sign(m,s), vk(s)) = true.
reduc forall m: bitstring, s: ssk; getmess(sign(m,s)) = m.
fun senc(bitstring, bitstring, key): bitstring.
ifdef(`SALAMANDER',`(* GCM does not commit to its key: one ciphertext, two keys, two texts *)
fun sal(bitstring, key, bitstring, key, bitstring): bitstring.
fun sdec(bitstring, bitstring, key): bitstring
reduc forall m: bitstring, a: bitstring, k: key; sdec(senc(m,a,k), a, k) = m
otherwise forall m1: bitstring, m2: bitstring, a: bitstring, k1: key, k2: key; sdec(sal(m1,k1,m2,k2,a), a, k1) = m1
otherwise forall m1: bitstring, m2: bitstring, a: bitstring, k1: key, k2: key; sdec(sal(m1,k1,m2,k2,a), a, k2) = m2.
',`reduc forall m: bitstring, a: bitstring, k: key; sdec(senc(m,a,k), a, k) = m.')
fun H(tag_t, bitstring): bitstring.
fun cid(spk): bitstring.
fun kdf(tag_t, bitstring): key.
fun mac(tag_t, bitstring, key): bitstring.
fun nxt(key): key. fun mkey(key): key. fun kcom(key): bitstring.          (* the three parts of a ratchet step *)
table honest(spk).
table verified(spk, bitstring, spk).        (* who has compared, a name, the key that goes with it *)
table rooms(spk, bitstring, key).        (* ik_R, room_id, member_key, as a member was told *)
event Said(spk, spk, spk, bitstring, bitstring, bitstring, bitstring).    (* author, reader, ik_R, reader's sess, audience, idx, text *)
event Heard(spk, spk, spk, bitstring, bitstring, bitstring, bitstring).   (* the same, at the reader, of an honest author *)
event Shown(spk, spk, bitstring, bitstring, bitstring, bitstring).        (* reader, author, cid, idx, MSG, text *)
event Fresh(spk, bitstring).             (* its author has just thought of a text *)
event Joined(spk, spk). event JoinedForeign(spk, spk).                    (* was shown a member before it is given a key *)
event Announced(spk, spk, bitstring, bitstring, bitstring, bitstring).    (* author, ik_R, room_id, its sess, sess and (if said) ik of who it is for *)
event Taken(spk, spk, bitstring, bitstring, bitstring, bitstring).
event Sees(spk, bitstring, spk, bitstring). event IsSeen(spk, bitstring, spk, bitstring).
free sec0, sec1, sec2, secD, secN: bitstring [private].
ifdef(`Q_SEC',`query attacker(sec0). query attacker(sec1).')
ifdef(`Q_FS',`query attacker(sec0).')
ifdef(`Q_LATER',`query attacker(sec2).')
ifdef(`Q_DIRECT',`query attacker(secD).')
ifdef(`Q_NAME',`query attacker(secN).')
ifdef(`Q_VISIBLE',`query a, x: spk; attacker(sec0) ==> event(JoinedForeign(a, x)).')
ifdef(`Q_AUTH',`query a, b, r: spk, s, u, i, m: bitstring; inj-event(Heard(a,b,r,s,u,i,m)) ==> inj-event(Said(a,b,r,s,u,i,m)).')
ifdef(`Q_AUTH1',`query a, b, r: spk, s, u, i, m: bitstring; event(Heard(a,b,r,s,u,i,m)) ==> event(Said(a,b,r,s,u,i,m)).')
ifdef(`Q_ANN',`query a, r: spk, d, s, t, w: bitstring; event(Taken(a,r,d,s,t,w)) ==> event(Announced(a,r,d,s,t,w)).')
ifdef(`Q_SEES',`query a, b: spk, s, t: bitstring; event(IsSeen(a,s,b,t)) ==> event(Sees(b,t,a,s)).')
ifdef(`Q_WHO',`query a, b, x: spk, v, i, c0, m: bitstring; event(Shown(b,x,v,i,c0,m)) && event(Fresh(a,m)) ==> x = a.')
ifdef(`Q_SAME',`query b, d, x: spk, v, i, c0, m, n: bitstring; event(Shown(b,x,v,i,c0,m)) && event(Shown(d,x,v,i,c0,n)) ==> m = n.')
ifdef(`Q_REACH',`query a, b, r: spk, s, u, m: bitstring; event(Heard(a,b,r,s,u,i1,m)).')
ifdef(`Q_AUTH',`define(`Q_DM')')ifdef(`Q_AUTH1',`define(`Q_DM')')dnl
define(`SESS',`ifdef(`MUT_SESS',`$3',`sessid($1, $2, $3)')')dnl
define(`NAME',`ifdef(`Q_NAME',`senc(secN, $1, kdf(Lname, (ifdef(`MUT_NAME_KEY',`zero',`mk'), $1)))',`zero')')dnl
define(`WK',`kdf(Lwrap, (ifdef(`MUT_NO_RSA',`zero',`$1'), ifdef(`MUT_NO_KEM',`zero',`$2'), ifdef(`MUT_NO_MK',`zero',`mk'),
      H(Lhdr, (ifdef(`MUT_NO_HHDR',`zero',`$3'), ifdef(`MUT_NO_PUB',`zero, zero',`$4, $5'), ifdef(`MUT_NO_CT',`zero, zero',`$6, $7')))))')dnl
define(`HDR',`(rid, $1, $2, ifdef(`MUT_NO_TO',`zero',`$3'), $4, ifdef(`MUT_NO_AUD',`zero',`$5'), $6)')dnl
define(`TAGOK',`ifdef(`MUT_NO_MTAG',`true',`$1 = mac(Lmember, $2, mk)')')dnl

(* makes itself known in a room, hears others, opens what one of them says to the room or to it alone *)
let Reader(skB: ssk) =
  get rooms(ikR, rid, mk) in
  new oB: bitstring; let sB = SESS(rid, vk(skB), oB) in new eB: rsk; ifdef(`RSA_BROKEN',`out(c, eB);') new kB: ksk; ifdef(`KEM_BROKEN',`out(c, kB);')
  new gB: bitstring; out(c, (oB, sB));
  ( ! (in(c, (pkX: spk, oX: bitstring)); let sX = SESS(rid, pkX, oX) in                         (* one session key for all *)
       let body = (rid, vk(skB), oB, gB, rpub(eB), kpub(kB), sX, NAME(sB)) in let tag = mac(Lmember, body, mk) in
       event Announced(vk(skB), ikR, rid, sB, sX, zero); event Sees(vk(skB), sB, pkX, sX);
       out(c, (vk(skB), sB, body, tag, sign((Lannounce, body, tag), skB))) ) )
  | ( in(c, (pkA: spk, sA: bitstring, bodyA: bitstring, tagA: bitstring, sgA: bitstring));    (* A's ANNOUNCE *)
  let (ifdef(`MUT_ANN_ROOM',`ridA: bitstring',`=rid'), =pkA, oA: bitstring, gA: bitstring, nA: rpk, kA: kpk, forB: bitstring, nameA: bitstring) = bodyA in
  if sA = SESS(ifdef(`MUT_ANN_ROOM',`ridA',`rid'), pkA, oA) then
  if ifdef(`MUT_NO_SEEN',`true',`forB = sB') then
  if checksign((Lannounce, bodyA, tagA), sgA, pkA) = true then
  if TAGOK(tagA, bodyA) then
  event Sees(vk(skB), sB, pkA, sA);
  let bodyB = (rid, vk(skB), oB, gB, rpub(eB), kpub(kB), sA, NAME(sB)) in
  let tagB = mac(Lmember, bodyB, mk) in
  event Announced(vk(skB), ikR, rid, sB, sA, zero);
  out(c, (bodyB, tagB, sign((Lannounce, bodyB, tagB), skB)));
  ifdef(`LEAK_EB',`phase 1; out(c, (eB, kB))',`
  in(c, (hdr: bitstring, ctR: bitstring, ctK: bitstring, box: bitstring, sg: bitstring));
  let (=rid, ifdef(`MUT_NO_FROM',`pkX: spk, sX: bitstring',`=pkA, =sA'), ifdef(`MUT_NO_TO',`x1: bitstring',`=vk(skB)'), ifdef(`MUT_NO_TO',`x2: bitstring',`=(sB, gB)'),
       aud0: bitstring, vkA: spk) = hdr in
  ifdef(`MUT_NO_AUD',`in(c, aud: bitstring);',`let aud = aud0 in')
  if ifdef(`MUT_NO_SKDMSIG',`true',`checksign((Lskdm, hdr, (ctR, ctK, box)), sg, ifdef(`MUT_NO_FROM',`pkX',`pkA')) = true') then
  let sr = unoaep(Lskdm, ctR, eB) in
  let ss = decaps(ctK, kB) in
  let keybits(ck0) = sdec(box, zero, WK(`sr',`ss',`hdr',`rpub(eB)',`kpub(kB)',`ctR',`ctK')) in
  in(c, (h0: bitstring, c0: bitstring, s0: bitstring));
  let (=rid, ifdef(`MUT_MSG_FROM',`y: bitstring',`=sA'), =cid(vkA), =i0, kc0: bitstring) = h0 in
  if ifdef(`MUT_NO_MSGSIG',`true',`checksign((Lmsg, h0, c0), s0, vkA) = true') then
  let mk0 = mkey(ck0) in
  if ifdef(`MUT_NO_KC',`true',`kc0 = kcom(mk0)') then
  let m0 = sdec(c0, ifdef(`MUT_NO_AAD',`zero',`h0'), mk0) in
  event Shown(vk(skB), pkA, cid(vkA), i0, c0, m0);
  get honest(=pkA) in event Heard(pkA, vk(skB), ikR, sB, aud, i0, m0);
  in(c, (h1: bitstring, c1: bitstring, s1: bitstring));
  let (=rid, =sA, =cid(vkA), ifdef(`MUT_NO_IDX',`ix: bitstring',`=i1'), kc1: bitstring) = h1 in
  if ifdef(`MUT_NO_MSGSIG',`true',`checksign((Lmsg, h1, c1), s1, vkA) = true') then
  let mk1 = ifdef(`MUT_NO_IDX',`mkey(ck0)',`mkey(nxt(ck0))') in
  if ifdef(`MUT_NO_KC',`true',`kc1 = kcom(mk1)') then
  let m1 = sdec(c1, ifdef(`MUT_NO_AAD',`zero',`h1'), mk1) in
  event Shown(vk(skB), pkA, cid(vkA), i1, c1, m1);
  event Heard(pkA, vk(skB), ikR, sB, aud, ifdef(`MUT_NO_IDX',`ix',`i1'), m1)') ).
define(`SKDM',`new $1: key; new $2: ssk; new $3: bitstring; new r$3: key; new k$3: bitstring;
    let hdr$1 = (rid, vk(skA), sA, ifdef(`MUT_NO_TO',`zero',`pkB'), ifdef(`MUT_NO_TO',`zero',`(sB, gB)'), ifdef(`MUT_NO_AUD',`zero',`$4'), vk($2)) in
    let ctR$1 = oaep(Lskdm, r$3, nB, $3) in let ctK$1 = encaps(kB, k$3) in let ss$1 = ksecret(kB, k$3) in
    let box$1 = senc(keybits($1), zero, WK(`r$3',`ss$1',`hdr$1',`nB',`kB',`ctR$1',`ctK$1')) in
    out(c, (hdr$1, ctR$1, ctK$1, box$1, sign((Lskdm, hdr$1, (ctR$1, ctK$1, box$1)), skA)));')dnl
define(`MSG',`let h$1 = (rid, sA, cid(vk($3)), $4, kcom(mkey($2))) in
    let c$1 = senc($5, ifdef(`MUT_NO_AAD',`zero',`h$1'), mkey($2)) in
    event Said(vk(skA), pkB, ikR, sB, $6, $4, $5);
    out(c, (h$1, c$1, sign((Lmsg, h$1, c$1), $3)))')dnl

let Say(skA: ssk, mk: key, ikR: spk, rid: bitstring, sA: bitstring, pkB: spk, sB: bitstring, gB: bitstring, nB: rpk, kB: kpk) =
  ( SKDM(ck, ska, coin, audRoom)
    ifdef(`INSIDER',`out(c, ck);')
    ifdef(`Q_WHO',`new t0: bitstring; event Fresh(vk(skA), t0);',`let t0 = sec0 in')
    MSG(0, ck, ska, i0, t0, audRoom);
    ifdef(`Q_FS',`phase 1; out(c, (nxt(ck), ska))',`
    let ck1 = nxt(ck) in MSG(1, ck1, ska, i1, sec1, audRoom)
    ifdef(`Q_DIRECT',`; SKDM(dk, dsk, dcoin, audOne) MSG(2, dk, dsk, i0, secD, audOne)')
    ifdef(`Q_DM',`; SKDM(dk, dsk, dcoin, audOne) new td: bitstring; MSG(2, dk, dsk, i0, td, audOne)')
    ifdef(`Q_LATER',`; ifdef(`MUT_NO_ROTATE',`let ck2 = nxt(ck1) in let sk2 = ska in',`SKDM(ck2, sk2, coin2, audRoom)') MSG(2, ck2, sk2, i0, sec2, audRoom)')
    ') ).
let Author(skA: ssk) =
  get rooms(ikR, rid, mk) in
  new oA: bitstring; let sA = SESS(rid, vk(skA), oA) in new gA: bitstring; new eA: rpk; new kA: kpk; out(c, (oA, sA));
  ( ! (in(c, (pkX: spk, oX: bitstring)); let sX = SESS(rid, pkX, oX) in let body = (rid, vk(skA), oA, gA, eA, kA, sX, NAME(sA)) in let tag = mac(Lmember, body, mk) in
       event Announced(vk(skA), ikR, rid, sA, sX, zero); event Sees(vk(skA), sA, pkX, sX);
       out(c, (vk(skA), sA, body, tag, sign((Lannounce, body, tag), skA))) ) )
  | ( in(c, (pkB: spk, sB: bitstring, bodyB: bitstring, tagB: bitstring, sgB: bitstring));
  let (=rid, =pkB, oB: bitstring, gB: bitstring, nB: rpk, kB: kpk, forA: bitstring, nameB: bitstring) = bodyB in
  if sB = SESS(rid, pkB, oB) then
  if ifdef(`MUT_NO_SEEN',`true',`forA = sA') then
  if ifdef(`MUT_NO_ANNSIG',`true',`checksign((Lannounce, bodyB, tagB), sgB, pkB) = true') then
  if TAGOK(tagB, bodyB) then
  ifdef(`Q_ANN',`get honest(=pkB) in event Taken(pkB, ikR, rid, sB, sA, zero)',`ifdef(`Q_SEES',`get honest(=pkB) in event IsSeen(vk(skA), sA, pkB, sB)',`
  ifdef(`NAMED',`in(c, name: bitstring);      (* the name in its ANNOUNCE: any *)
  get verified(=vk(skA), =name, pkV) in if ifdef(`MUT_NO_WITHHOLD',`true',`pkV = pkB') then Say(skA, mk, ikR, rid, sA, pkB, sB, gB, nB, kB)',`
  ifdef(`TOFU',`get honest(=pkB) in event Joined(vk(skA), pkB); Say(skA, mk, ikR, rid, sA, pkB, sB, gB, nB, kB)
    else ifdef(`MUT_SILENT',`',`event JoinedForeign(vk(skA), pkB);') Say(skA, mk, ikR, rid, sA, pkB, sB, gB, nB, kB)',`
  get honest(=pkB) in Say(skA, mk, ikR, rid, sA, pkB, sB, gB, nB, kB)')')')') ).

let Elsewhere(sk: ssk) = !(in(c, (x: bitstring, y: bitstring)); out(c, (sign((Lhostsig, x, y), sk), sign((Lmemsig, x, y), sk), sign((Lkick, x, y), sk)
  ifdef(`MUT_LABEL_ANN',`, sign((Lannounce, x, y), sk)') ifdef(`MUT_LABEL_SKDM',`, sign((Lskdm, x, y), sk)')))).
process
   ifdef(`NAMED',`( ! get honest(a) in get honest(b) in new name: bitstring; out(c, name); insert verified(a, name, b) ) |')
   ( ! new sk: ssk; out(c, (sk, vk(sk))) )                   (* keys of the attacker *)
 | ifdef(`INVITE',`( ! in(c, (ikR: spk, rid: bitstring)); new root: bitstring; insert rooms(ikR, rid, kdf(Lmkey, (ikR, root))) )',`
   ( ! in(c, (ikR: spk, rid: bitstring)); insert rooms(ikR, rid, kdf(Lmkey, (ikR, zero))) )')
 | ( ! new sk: ssk; insert honest(vk(sk)); out(c, vk(sk));
     ( (!Reader(sk)) | (! ifdef(`STALE',`phase 1;') Author(sk)) | Elsewhere(sk) ifdef(`LEAK_IK',`| (phase 1; out(c, sk))') ) )
