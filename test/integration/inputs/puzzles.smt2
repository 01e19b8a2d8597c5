; Small formulas of several theories, each with its own solver and its own data structures.
(set-option :produce-models true)

; Seven queens on a board of seven, as integers.
(push)
(declare-fun q (Int) Int)
(assert (forall ((i Int)) (=> (and (<= 1 i) (<= i 7)) (and (<= 1 (q i)) (<= (q i) 7)))))
(assert (distinct (q 1) (q 2) (q 3) (q 4) (q 5) (q 6) (q 7)))
(assert (distinct (+ (q 1) 1) (+ (q 2) 2) (+ (q 3) 3) (+ (q 4) 4) (+ (q 5) 5) (+ (q 6) 6) (+ (q 7) 7)))
(assert (distinct (- (q 1) 1) (- (q 2) 2) (- (q 3) 3) (- (q 4) 4) (- (q 5) 5) (- (q 6) 6) (- (q 7) 7)))
(check-sat)
(get-value ((q 1) (q 2) (q 3) (q 4) (q 5) (q 6) (q 7)))
(pop)

; Bit vectors: factors of a product, and an identity that has no counterexample.
(push)
(declare-const a (_ BitVec 36))
(declare-const b (_ BitVec 36))
(assert (= (bvmul a b) #x02a0aba9f))
(assert (and (bvugt a #x000000001) (bvugt b #x000000001) (bvult a #x000010000) (bvult b #x000100000) (bvule a b)))
(check-sat)
(pop)
(push)
(declare-const x (_ BitVec 64))
(declare-const y (_ BitVec 64))
(assert (not (= (bvadd (bvxor x y) (bvshl (bvand x y) #x0000000000000001)) (bvadd x y))))
(check-sat)
(pop)

; Arrays and uninterpreted functions.
(push)
(declare-const m (Array Int Int))
(declare-const n (Array Int Int))
(declare-fun f (Int) Int)
(assert (= n (store (store (store m 1 (f 2)) 2 (f 3)) 3 (f 1))))
(assert (and (= (f 1) (f 2)) (= (select n 1) (+ 1 (select n 3)))))
(check-sat)
(pop)

; Linear and nonlinear reals.
(push)
(declare-const u Real)
(declare-const v Real)
(assert (and (= (+ (* u u) (* v v)) 25.0) (= (* u v) 12.0) (> u v)))
(check-sat)
(get-value (u v))
(pop)

; Strings and regular expressions.
(push)
(declare-const s String)
(assert (str.in_re s (re.+ (re.union (str.to_re "ab") (str.to_re "cde")))))
(assert (and (= (str.len s) 12) (str.contains s "bcd") (str.suffixof "ab" s)))
(check-sat)
(pop)

; Optimization.
(push)
(declare-const k1 Int) (declare-const k2 Int) (declare-const k3 Int) (declare-const k4 Int)
(assert (and (<= 0 k1 3) (<= 0 k2 4) (<= 0 k3 5) (<= 0 k4 2)))
(assert (<= (+ (* 7 k1) (* 5 k2) (* 3 k3) (* 11 k4)) 40))
(maximize (+ (* 13 k1) (* 8 k2) (* 5 k3) (* 21 k4)))
(check-sat)
(get-objectives)
(pop)
