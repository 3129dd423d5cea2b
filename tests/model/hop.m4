(* lanchat/1, PROTOCOL.md 4: THE HOP HANDSHAKE. Member I, host R, Dolev-Yao network, any number of sessions,
   honest identities and rooms; the attacker has identities and rooms of its own.
     M0 R->I  flags, challenge
     M1 I->R  commitment(r_I), n_I, ek_I, gate = HMAC(gate_key; M0, M1)
     M2 R->I  n_R, ct_R = OAEP(n_I; k_R), ctk_R = Encaps(ek_I; ss), enc_R = GCM(k2; ik_R, room_id, sig_R)
     M3 I->R  ct_I = OAEP(n_R; k_I), conf, enc_I = GCM(k3; ik_I, r_I, nonce, sig_I)
     then records: ACCEPT (host), data (both). The session is sess = H(room_id, ik_I, nonce).
   Each hash here covers less than the real one: what is left out (gate, conf, the sealed parts, the additional
   data) is a function of what is in it, or bound by the key. So what is proved here holds there, and a run takes
   seconds. Decapsulation fails here where the real one gives a secret that nobody knows; both end at enc_R.
   Switches: OPEN (psk = Z) or ROOM_ (psk from an invite); NOPIN: no host is expected (first contact).
   LEAK*, KCI*, REUSE_ER, SAMEKEY: what the attacker is given. LEAK_EI, LEAK_ER: the RSA keys of the member, of the
   host; both: RSA is broken. LEAK_KI: the member's ML-KEM key; ML-KEM is broken. MUT_*: one check left out. *)
free c: channel.
type rsk. type rpk. type ksk. type kpk. type ssk. type spk. type key. type tag_t.
const zero, fOpen, fInvite, recAccept, recData: bitstring.
const Lhostsig, Lmemsig, Lannounce, Lskdm, Lkick: tag_t.                  (* what an identity key signs *)
const LkR, LkI: tag_t.                                                      (* OAEP *)
const Lpsk, Lgatekey, Lgate, Lkconf, Lconf, Lk2, Lk3, Lc2s, Ls2c, Lrec, Lcomm: tag_t.
const Z: key.
fun rpub(rsk): rpk.
fun oaep(tag_t, key, rpk, bitstring): bitstring.
reduc forall l: tag_t, k: key, s: rsk, r: bitstring; unoaep(l, oaep(l, k, rpub(s), r), s) = k ifdef(`Q_DOS',`[private]').
fun kpub(ksk): kpk.                                                         (* ML-KEM: key, ciphertext, secret *)
fun encaps(kpk, bitstring): bitstring.
fun ksecret(kpk, bitstring): key.
reduc forall s: ksk, r: bitstring; decaps(encaps(kpub(s), r), s) = ksecret(kpub(s), r).
fun sessid(bitstring, spk, bitstring): bitstring.                           (* room_id, ik, nonce *)
fun vk(ssk): spk.
fun sign(bitstring, ssk): bitstring.
reduc forall m: bitstring, s: ssk; checksign(m, sign(m,s), vk(s)) = true.
reduc forall m: bitstring, s: ssk; getmess(sign(m,s)) = m.
fun senc(bitstring, key): bitstring.                                       (* GCM, one text a key *)
reduc forall m: bitstring, k: key; sdec(senc(m,k), k) = m.
fun mac(tag_t, bitstring, key): bitstring.
fun H(bitstring): bitstring.
fun kdf(tag_t, bitstring): key.
fun commit(tag_t, bitstring): bitstring.
define(`SIGR',`(ifdef(`MUT_LABEL_R',`Lannounce',`Lhostsig'), $1, ifdef(`MUT_NO_IKR',`zero',`$2'), ifdef(`MUT_NO_RID',`zero',`$3'))')dnl
define(`SIGI',`(ifdef(`MUT_LABEL_I',`Lannounce',`Lmemsig'), $1, ifdef(`MUT_NO_PEER',`zero',`$2'), $3, $4, $5)')dnl
define(`MIX',`(ifdef(`MUT_NO_RSA',`zero',`$1'), ifdef(`MUT_NO_KEM',`zero',`ss'), $2)')dnl
define(`EV',`ifdef(`$1',`event $2;')')dnl

table hosts(spk).            (* honest hosts *)
table members(spk).          (* honest members *)
table links(spk, key).       (* what a person was given: a host's key and a psk; the attacker gives some, too *)
event StartI(spk, spk, bitstring, bitstring, key, key).    (* member, host, room, sess, secrets: sent M3 *)
event AcceptI(spk, spk, bitstring, bitstring, key, key).   (* has opened ACCEPT *)
event AcceptR(spk, spk, bitstring, bitstring, key, key).   (* host, member, ...: has accepted M3 *)
event Seated(spk, spk, bitstring).                          (* host, member, sess: has accepted M3 of anybody *)
event GateOk(bitstring). event MemberGate(bitstring). event Paid(bitstring). event HostRsa(bitstring).
free secC2S, secS2C: bitstring [private].
ifdef(`Q_SECRECY',`query attacker(secC2S). query attacker(secS2C).')
ifdef(`Q_AUTH_R',`query i, r: spk, d, s: bitstring, k, l: key;
  inj-event(AcceptR(r,i,d,s,k,l)) ==> inj-event(StartI(i,r,d,s,k,l)).')
ifdef(`Q_AUTH_I',`query i, r: spk, d, s: bitstring, k, l: key;
  inj-event(AcceptI(i,r,d,s,k,l)) ==> inj-event(AcceptR(r,i,d,s,k,l)).')
ifdef(`Q_SEC_C2S',`query attacker(secC2S).')
ifdef(`Q_SEC_S2C',`query attacker(secS2C).')
ifdef(`Q_DOS',`query a: bitstring; event(HostRsa(a)) ==> event(Paid(a)).')
ifdef(`Q_GATE',`query a: bitstring; event(GateOk(a)) ==> event(MemberGate(a)).')
ifdef(`Q_ID',`event Ident(spk). query i: spk; event(Ident(i)) && attacker(i).    (* nobody is told who joins *)')
ifdef(`Q_SESS',`query i, j, r, q: spk, s: bitstring; event(Seated(r,i,s)) && event(Seated(q,j,s)) ==> i = j.')
ifdef(`Q_REACH',`query i, r: spk, d, s: bitstring, k, l: key; event(AcceptI(i,r,d,s,k,l)).
query i, r: spk, d, s: bitstring, k, l: key; event(AcceptR(r,i,d,s,k,l)).')

let Member(skI: ssk) =
  get links(expected, psk) in
  in(c, m0: bitstring);
  let (f0: bitstring, cR: bitstring) = m0 in
  if ifdef(`MUT_NO_FLAG',`true',`f0 = ifdef(`OPEN',`fOpen',`fInvite')') then
  new eI: rsk; ifdef(`LEAK_EI',`out(c, eI);') new kkI: ksk; ifdef(`LEAK_KI',`out(c, kkI);') new rI: bitstring;
  let com = commit(Lcomm, rI) in
  let m1 = (m0, com, rpub(eI), kpub(kkI)) in
  EV(`Q_GATE',`MemberGate(m1)')
  out(c, (com, rpub(eI), kpub(kkI) ifdef(`OPEN',`',`, mac(Lgate, m1, kdf(Lgatekey, (psk, zero)))')));
  in(c, (epkR: rpk, ctR: bitstring, ctK: bitstring, encR: bitstring));
  ifdef(`MIRROR',`if epkR <> rpub(eI) then')
  let kR = unoaep(LkR, ctR, eI) in EV(`Q_DOS',`Paid(ctR)')
  let ss = decaps(ctK, kkI) in
  let h2a = H((m1, epkR, ctR, ctK)) in
  let (pkR: spk, rid: bitstring, sg: bitstring) = sdec(encR, kdf(Lk2, MIX(`kR',`psk, h2a'))) in
  if ifdef(`NOPIN',`true',`ifdef(`MUT_NO_PIN',`true',`pkR = expected')') then
  if ifdef(`MUT_NO_HOSTSIG',`true',`checksign(SIGR(h2a, pkR, rid), sg, pkR) = true') then
  let h2 = H((h2a, pkR, rid)) in
  new kI: key; new coin: bitstring; new nonce: bitstring; let sess = ifdef(`MUT_SESS',`nonce',`sessid(rid, vk(skI), nonce)') in
  let ctI = oaep(LkI, kI, epkR, coin) in
  let cf = mac(Lconf, (h2, ctI), kdf(Lkconf, MIX(`kR',`psk, h2a'))) in
  let h3a = H((h2, ctI)) in
  let encI = senc((vk(skI), rI, nonce, sign(SIGI(h3a, pkR, vk(skI), rI, nonce), skI)), kdf(Lk3, MIX(`kR, kI',`psk, h3a'))) in
  let h3 = H((h3a, vk(skI), rI, nonce)) in
  let s2c = kdf(Ls2c, MIX(`kR, kI',`psk, h3')) in
  let c2s = kdf(Lc2s, MIX(`kR, kI',`psk, h3')) in
  EV(`Q_AUTH_R',`StartI(vk(skI), pkR, rid, sess, c2s, s2c)')
  out(c, (ctI, cf, encI));
  in(c, acc: bitstring);
  let (=recAccept) = sdec(acc, kdf(Lrec, (s2c, zero))) in
  ifdef(`NOPIN',`get hosts(=pkR) in',`get hosts(=expected) in')
  ifdef(`Q_AUTH_I',`event AcceptI(vk(skI), pkR, rid, sess, c2s, s2c).',`ifdef(`Q_REACH',`event AcceptI(vk(skI), pkR, rid, sess, c2s, s2c);')
  out(c, senc((recData, secC2S), kdf(Lrec, (c2s, zero)))).')

let Host(skR: ssk, rid: bitstring, psk: key ifdef(`REUSE_ER',`, eR: rsk')) =
  new cR: bitstring; let m0 = (ifdef(`OPEN',`fOpen',`fInvite'), cR) in out(c, m0);
  in(c, (com: bitstring, epkI: rpk, ekI: kpk ifdef(`OPEN',`',`, g: bitstring')));
  let m1 = (m0, com, epkI, ekI) in
  ifdef(`OPEN',`',`if ifdef(`MUT_NO_GATE',`true',`g = mac(Lgate, m1, kdf(Lgatekey, (psk, zero)))') then')
  EV(`Q_GATE',`GateOk(m1)')
  ifdef(`REUSE_ER',`',`new eR: rsk; ifdef(`LEAK_ER',`out(c, eR);')') new kR: key; new coin: bitstring; new kcoin: bitstring;
  ifdef(`MIRROR',`if epkI <> rpub(eR) then')
  let ctR = oaep(LkR, kR, epkI, coin) in
  let ctK = encaps(ekI, kcoin) in let ss = ksecret(ekI, kcoin) in
  let h2a = H((m1, rpub(eR), ctR, ctK)) in
  let encR = senc((vk(skR), rid, sign(SIGR(h2a, vk(skR), rid), skR)), kdf(Lk2, MIX(`kR',`psk, h2a'))) in
  let h2 = H((h2a, vk(skR), rid)) in
  out(c, (rpub(eR), ctR, ctK, encR));
  in(c, (ctI: bitstring, cf: bitstring, encI: bitstring));
  if ifdef(`MUT_NO_CONF',`true',`cf = mac(Lconf, (h2, ctI), kdf(Lkconf, MIX(`kR',`psk, h2a')))') then
  EV(`Q_DOS',`HostRsa(ctR)')
  let kI = unoaep(LkI, ctI, eR) in
  let h3a = H((h2, ctI)) in
  let (pkI: spk, rI: bitstring, nonce: bitstring, sI: bitstring) = sdec(encI, kdf(Lk3, MIX(`kR, kI',`psk, h3a'))) in
  if ifdef(`MUT_NO_COMMIT',`true',`com = commit(Lcomm, rI)') then
  if ifdef(`MUT_NO_MEMSIG',`true',`checksign(SIGI(h3a, vk(skR), pkI, rI, nonce), sI, pkI) = true') then
  let sess = ifdef(`MUT_SESS',`nonce',`sessid(rid, pkI, nonce)') in
  EV(`Q_SESS',`Seated(vk(skR), pkI, sess)')
  let h3 = H((h3a, pkI, rI, nonce)) in
  let s2c = kdf(Ls2c, MIX(`kR, kI',`psk, h3')) in
  let c2s = kdf(Lc2s, MIX(`kR, kI',`psk, h3')) in
  EV(`Q_AUTH_I',`AcceptR(vk(skR), pkI, rid, sess, c2s, s2c)')
  out(c, senc(recAccept, kdf(Lrec, (s2c, zero))));
  get members(=pkI) in
  ifdef(`Q_AUTH_R',`event AcceptR(vk(skR), pkI, rid, sess, c2s, s2c).',`ifdef(`Q_REACH',`event AcceptR(vk(skR), pkI, rid, sess, c2s, s2c);')
  out(c, senc((recData, secS2C), kdf(Lrec, (s2c, recData)))).')

(* the same key signs other things elsewhere: whatever the attacker likes, under their labels *)
let Elsewhere(sk: ssk) = ifdef(`ELSEWHERE',`!(in(c, x: bitstring); out(c, (sign((Lannounce, x), sk), sign((Lskdm, x), sk), sign((Lkick, x), sk))))
  ifdef(`MUT_LABEL_R',`| (!(in(c, (x: bitstring, y: spk, z: bitstring)); out(c, sign((Lannounce, x, y, z), sk))))')
  ifdef(`MUT_LABEL_I',`| (!(in(c, (x: bitstring, y: spk, z: spk, u: bitstring, v: bitstring)); out(c, sign((Lannounce, x, y, z, u, v), sk))))')',`0').
define(`ROOM',`new rid: bitstring; out(c, rid); ifdef(`OPEN',`let psk = Z in',`new root: bitstring; let psk = kdf(Lpsk, (vk(sk), root)) in') insert hosts(vk(sk)); insert links(vk(sk), psk);')dnl
define(`HOST',`ifdef(`REUSE_ER',`( ! new eR: rsk; ifdef(`LEAK_ER',`out(c, eR);') ! Host(sk, rid, psk, eR))',`(! Host(sk, rid, psk))')')dnl
process
   ifdef(`Q_ID',`',`( ! in(c, (pk: spk, k: key)); insert links(pk, ifdef(`OPEN',`Z',`k')) ) |')
   ( ! new sk: ssk; insert members(vk(sk)); ifdef(`Q_ID',`event Ident(vk(sk));',`out(c, vk(sk));') ifdef(`KCI_I',`out(c, sk);')
     ifdef(`SAMEKEY',`ROOM')
     ( Elsewhere(sk) | (! Member(sk)) ifdef(`SAMEKEY',`| HOST') ifdef(`LEAK',`| (phase 1; out(c, sk))') ) )
 ifdef(`SAMEKEY',`',`
 | ( ! new sk: ssk; out(c, vk(sk)); ROOM ifdef(`KCI_R',`out(c, sk);')
     ( Elsewhere(sk) | HOST ifdef(`LEAK',`| (phase 1; out(c, (sk, psk)))') ) )')
