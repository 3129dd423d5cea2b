(* lanchat/1, PROTOCOL.md 4: WHO IS IT? Observational equivalence: can the attacker tell whether member A or B
   (WHO_member) joins, or host A or B (WHO_host) answers? Both ends react as they do: a host answers M3 with
   ACCEPT or not at all, a member sends a record behind it. Labels and keys as in hop.m4.
   WHO_member: the member expects a host (pin). MUT_NO_PIN, NOPIN: it does not. PASSIVE: the attacker listens. *)
free c: channel.
type rsk. type rpk. type ksk. type kpk. type ssk. type spk. type key. type tag_t.
const zero: bitstring.
const Lhostsig, Lmemsig, LkR, LkI, Lgatekey, Lgate, Lkconf, Lconf, Lk2, Lk3, Lc2s, Ls2c, Lcomm: tag_t.
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
fun kdf(tag_t, bitstring): key.
fun commit(tag_t, bitstring): bitstring.
free ch: channel ifdef(`PASSIVE',`[private]').
define(`OUT',`ifdef(`PASSIVE',`out(c, $1); out(ch, $1)',`out(c, $1)')')dnl
define(`IN',`in(ifdef(`PASSIVE',`ch',`c'), $1)')dnl
let Member(skI: ssk, expected: spk, psk: key) =
  IN(`cR: bitstring'); new eI: rsk; new kkI: ksk; new rI: bitstring;
  let m1 = (cR, commit(Lcomm, rI), rpub(eI), kpub(kkI)) in
  OUT(`(commit(Lcomm, rI), rpub(eI), kpub(kkI), mac(Lgate, m1, kdf(Lgatekey, (psk, zero))))');
  IN(`(epkR: rpk, ctR: bitstring, ctK: bitstring, encR: bitstring)');
  let kR = unoaep(LkR, ctR, eI) in
  let ss = decaps(ctK, kkI) in
  let h2a = H((m1, epkR, ctR, ctK)) in
  let (pkR: spk, sg: bitstring) = sdec(encR, kdf(Lk2, (kR, ss, psk, h2a))) in
  ifdef(`MUT_NO_PIN',`',`if pkR = expected then')
  if checksign((Lhostsig, h2a, pkR), sg, pkR) = true then
  let h2 = H((h2a, pkR)) in
  new kI: key; new coin: bitstring;
  let ctI = oaep(LkI, kI, epkR, coin) in
  let h3a = H((h2, ctI)) in
  OUT(`(ctI, mac(Lconf, (h2, ctI), kdf(Lkconf, (kR, ss, psk, h2a))),
        senc((vk(skI), rI, sign((Lmemsig, h3a, pkR, vk(skI), rI), skI)), kdf(Lk3, (kR, kI, ss, psk, h3a))))');
  IN(`acc: bitstring');
  let fin = sdec(acc, kdf(Ls2c, (kR, kI, ss, psk, h3a))) in
  OUT(`senc(zero, kdf(Lc2s, (kR, kI, ss, psk, h3a)))').
let Host(skR: ssk, psk: key) =
  new cR: bitstring; OUT(`cR');
  IN(`(com: bitstring, epkI: rpk, ekI: kpk, g: bitstring)');
  let m1 = (cR, com, epkI, ekI) in
  if g = mac(Lgate, m1, kdf(Lgatekey, (psk, zero))) then
  new eR: rsk; new kR: key; new coin: bitstring; new kcoin: bitstring;
  let ctR = oaep(LkR, kR, epkI, coin) in
  let ctK = encaps(ekI, kcoin) in let ss = ksecret(ekI, kcoin) in
  let h2a = H((m1, rpub(eR), ctR, ctK)) in
  OUT(`(rpub(eR), ctR, ctK, senc((vk(skR), sign((Lhostsig, h2a, vk(skR)), skR)), kdf(Lk2, (kR, ss, psk, h2a))))');
  let h2 = H((h2a, vk(skR))) in
  IN(`(ctI: bitstring, cf: bitstring, encI: bitstring)');
  if cf = mac(Lconf, (h2, ctI), kdf(Lkconf, (kR, ss, psk, h2a))) then
  let kI = unoaep(LkI, ctI, eR) in
  let h3a = H((h2, ctI)) in
  let (pkI: spk, rI: bitstring, sI: bitstring) = sdec(encI, kdf(Lk3, (kR, kI, ss, psk, h3a))) in
  if com = commit(Lcomm, rI) then
  if checksign((Lmemsig, h3a, vk(skR), pkI, rI), sI, pkI) = true then
  OUT(`senc(zero, kdf(Ls2c, (kR, kI, ss, psk, h3a)))').
process
  new skA: ssk; new skB: ssk; new skR: ssk; new psk: key;
  out(c, (vk(skA), vk(skB), vk(skR)));
  ifdef(`OPEN',`out(c, psk);')
  ifdef(`WHO_member',`( (!Member(choice[skA, skB], vk(skR), psk)) | (!Host(skR, psk)) )')
  ifdef(`WHO_host',`( (!Host(choice[skA, skB], psk)) | (!Member(skR, choice[vk(skA), vk(skB)], psk)) )')
