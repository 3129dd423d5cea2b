(* lanchat/1, PROTOCOL.md 6.10: FILES. A sender offers a file of two leaves to the room. The offer has the transfer's
   id and the root of the hash tree, and is signed. To each member that wants the file it grants the transfer's one
   secret. Wants and grants are private messages, sealed under a key that the two have: e2e.m4 proves that such
   messages are secret and authentic, and that the offer is. The relay carries everything, and repeats what it likes.
   Switches: INSIDER: the attacker is a member that wants the file, too. MUT_*: one thing left out. *)
free c: channel.
type key. type ssk. type spk. type tag_t.
const Loffer, Lwant, Lgrant: tag_t.
fun vk(ssk): spk.
fun sign(bitstring, ssk): bitstring.
reduc forall m: bitstring, s: ssk; checksign(m, sign(m,s), vk(s)) = true.
reduc forall m: bitstring, s: ssk; getmess(sign(m,s)) = m.
fun pair(ssk, spk): key.
equation forall a: ssk, b: ssk; pair(a, vk(b)) = pair(b, vk(a)).
fun priv(bitstring, key): bitstring.
reduc forall m: bitstring, k: key; unpriv(priv(m,k), k) = m.
fun H(bitstring): bitstring.
fun kdf(bitstring, bitstring): key.
fun senc(nat, bitstring, key): bitstring.                                  (* unit, text *)
reduc forall n: nat, m: bitstring, k: key; sdec(n, senc(n,m,k), k) = m.
event Offered(spk, bitstring, bitstring, bitstring).                       (* sender, transfer, leaves *)
event Received(spk, bitstring, bitstring, bitstring).
table members(spk).
free secF: bitstring [private].                                            (* in each first leaf *)
ifdef(`Q_SECRET',`query attacker(secF).')
ifdef(`Q_WHOLE',`query p: spk, t, a, b: bitstring; event(Received(p,t,a,b)) ==> event(Offered(p,t,a,b)).')
ifdef(`Q_REACH',`query p: spk, t, a, b: bitstring; event(Received(p,t,a,b)).')
define(`UNIT',`ifdef(`MUT_NO_UNIT',`0',`$1')')dnl
let Sender(sk: ssk) =
  new t: bitstring; new n: bitstring; new b: bitstring; let a = (secF, n) in
  let node = (H(a), H(b)) in let offer = (t, H(node)) in
  event Offered(vk(sk), t, a, b);
  out(c, (offer, sign((Loffer, offer), sk)));
  new s: bitstring;
  !( in(c, (p: spk, w: bitstring)); get members(=p) in
     let (=Lwant, =t) = unpriv(w, pair(sk, p)) in
     out(c, priv((Lgrant, t, s), pair(sk, p)));
     let k = kdf(s, (vk(sk), offer)) in
     out(c, (senc(0, node, k), senc(UNIT(1), a, k), senc(UNIT(2), b, k))) ).
let Receiver(sk: ssk, p: spk) =
  in(c, (offer: bitstring, sig: bitstring)); if checksign((Loffer, offer), sig, p) = true then
  let (t: bitstring, root: bitstring) = offer in
  out(c, (vk(sk), priv((Lwant, t), pair(sk, p))));
  in(c, g: bitstring); let (=Lgrant, =t, s: bitstring) = unpriv(g, pair(sk, p)) in
  let k = kdf(s, (p, offer)) in
  in(c, (x: bitstring, y: bitstring, z: bitstring));
  let node = sdec(0, x, k) in let a = sdec(UNIT(1), y, k) in let b = sdec(UNIT(2), z, k) in
  if ifdef(`MUT_NO_ROOT',`true',`H(node) = root') then
  let (h: bitstring, i: bitstring) = node in
  if ifdef(`MUT_NO_LEAF',`true',`H(a) = h') then if ifdef(`MUT_NO_LEAF',`true',`H(b) = i') then
  event Received(p, t, a, b).
process new ska: ssk; out(c, vk(ska)); new skb: ssk; out(c, vk(skb)); insert members(vk(skb));
  ifdef(`INSIDER',`new ski: ssk; out(c, ski); insert members(vk(ski));')
  ( !Sender(ska) | !Receiver(skb, vk(ska)) )
