(* lanchat/1, PROTOCOL.md 4.5: THE JOIN CODE. Two people who expected nobody compare ten digits by voice.
   Ten digits can be searched through. So the attacker may here find, at no cost, whatever gives the code that it
   wants: r for a given transcript (grindR), or a room_id (as host it may choose any) for a given r (grindD).
   What keeps it from that is the order alone: r_I is fixed by M1, before M2 exists, and shown after it.
   That it may try one connection after the other is not in here: 10^-10 each, see the report. *)
free c: channel. free voice: channel [private].
type rsk. type rpk. type ksk. type kpk. type ssk. type spk. type key. type tag_t.
const zero: bitstring.
const Lhostsig, Lmemsig, LkR, LkI, Lkconf, Lconf, Lk2, Lk3, Lc2s, Ls2c, Lcomm: tag_t.
fun rpub(rsk): rpk.
fun oaep(tag_t, key, rpk, bitstring): bitstring.
reduc forall l: tag_t, k: key, s: rsk, r: bitstring; unoaep(l, oaep(l, k, rpub(s), r), s) = k.
fun kpub(ksk): kpk.
fun encaps(kpk, bitstring): bitstring.
fun ksecret(kpk, bitstring): key.
reduc forall s: ksk, r: bitstring; decaps(encaps(kpub(s), r), s) = ksecret(kpub(s), r).
fun vk(ssk): spk.
fun sign(bitstring, ssk): bitstring.
reduc forall m: bitstring, s: ssk; checksign(m, sign(m,s), vk(s)) = true.
reduc forall m: bitstring, s: ssk; getmess(sign(m,s)) = m.
fun senc(bitstring, key): bitstring.
reduc forall m: bitstring, k: key; sdec(senc(m,k), k) = m.
fun mac(tag_t, bitstring, key): bitstring.
fun H(bitstring): bitstring.
fun Hr(bitstring, spk, bitstring): bitstring.                    (* h2 of h2a, ik_R, room_id *)
fun kdf(tag_t, bitstring): key.
fun commit(tag_t, bitstring): bitstring.
fun sas(bitstring, bitstring): bitstring.                        (* ten digits of h2 and r_I *)
fun grindR(bitstring, bitstring): bitstring.
fun grindD(bitstring, spk, bitstring, bitstring): bitstring.
equation forall h, t: bitstring; sas(h, grindR(h, t)) = t.
equation forall a, r, t: bitstring, p: spk; sas(Hr(a, p, grindD(a, p, r, t)), r) = t.
(* the host's view of the member, who it is; the member's view of the host, who it is; the secrets of each *)
event Match(spk, spk, spk, spk, key, key).
ifdef(`Q_MATCH',`query a, b, x, y: spk, k, l: key; event(Match(a,b,x,y,k,l)) ==> a = b && x = y && k = l.')
ifdef(`Q_REACH',`query a, b, x, y: spk, k, l: key; event(Match(a,b,x,y,k,l)).')
define(`SAS',`ifdef(`MUT_NO_R',`sas($1, zero)',`sas($1, $2)')')dnl

let Member(skI: ssk) =
  in(c, cR: bitstring); new eI: rsk; ifdef(`LEAK_EI',`out(c, eI);') new kkI: ksk; ifdef(`LEAK_KI',`out(c, kkI);') new rI: bitstring;
  let com = ifdef(`MUT_R_IN_M1',`rI',`commit(Lcomm, rI)') in
  out(c, (com, rpub(eI), kpub(kkI)));
  in(c, (epkR: rpk, ctR: bitstring, ctK: bitstring, encR: bitstring)) [precise];          (* once: that is what the order is *)
  let kR = unoaep(LkR, ctR, eI) in
  let ss = decaps(ctK, kkI) in
  let h2a = H((cR, com, rpub(eI), kpub(kkI), epkR, ctR, ctK)) in
  let (pkR: spk, rid: bitstring, sg: bitstring) = sdec(encR, kdf(Lk2, (kR, ss, h2a))) in
  if checksign((Lhostsig, h2a, pkR, rid), sg, pkR) = true then
  let h2 = Hr(h2a, pkR, rid) in
  new kI: key; new coin: bitstring;
  let ctI = oaep(LkI, kI, epkR, coin) in
  let h3a = H((h2, ctI)) in
  out(c, (ctI, mac(Lconf, (h2, ctI), kdf(Lkconf, (kR, ss, h2a))),
          senc((vk(skI), rI, sign((Lmemsig, h3a, pkR, vk(skI), rI), skI)), kdf(Lk3, (kR, kI, ss, h3a)))));
  let s2c = kdf(Ls2c, (kR, kI, ss, H((h3a, vk(skI), rI)))) in
  in(c, acc: bitstring);
  let (=zero) = sdec(acc, s2c) in
  let code = SAS(h2, rI) in
  out(c, code);                                                  (* no secret *)
  out(voice, (code, vk(skI), pkR, s2c)).

let Host(skR: ssk, rid: bitstring) =
  new cR: bitstring; out(c, cR);
  in(c, (com: bitstring, epkI: rpk, ekI: kpk)) [precise];
  new eR: rsk; new kR: key; new coin: bitstring; new kcoin: bitstring;
  let ctR = oaep(LkR, kR, epkI, coin) in
  let ctK = encaps(ekI, kcoin) in let ss = ksecret(ekI, kcoin) in
  let h2a = H((cR, com, epkI, ekI, rpub(eR), ctR, ctK)) in
  out(c, (rpub(eR), ctR, ctK, senc((vk(skR), rid, sign((Lhostsig, h2a, vk(skR), rid), skR)), kdf(Lk2, (kR, ss, h2a)))));
  let h2 = Hr(h2a, vk(skR), rid) in
  in(c, (ctI: bitstring, cf: bitstring, encI: bitstring));
  if ifdef(`MUT_NO_CONF',`true',`cf = mac(Lconf, (h2, ctI), kdf(Lkconf, (kR, ss, h2a)))') then
  let kI = unoaep(LkI, ctI, eR) in
  let h3a = H((h2, ctI)) in
  let (pkI: spk, rI: bitstring, sI: bitstring) = sdec(encI, kdf(Lk3, (kR, kI, ss, h3a))) in
  if ifdef(`MUT_NO_COMMIT',`true',`com = ifdef(`MUT_R_IN_M1',`rI',`commit(Lcomm, rI)')') then
  if checksign((Lmemsig, h3a, vk(skR), pkI, rI), sI, pkI) = true then
  let s2c = kdf(Ls2c, (kR, kI, ss, H((h3a, pkI, rI)))) in
  out(c, senc(zero, s2c));
  let code = SAS(h2, rI) in
  out(c, code);
  in(voice, (=code, i: spk, r: spk, k: key));
  event Match(pkI, i, r, vk(skR), s2c, k).
process
   ( ! new sk: ssk; out(c, vk(sk)); !Member(sk) )
 | ( ! new sk: ssk; out(c, vk(sk)); new rid: bitstring; out(c, rid); !Host(sk, rid) )
