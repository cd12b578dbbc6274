;; Logs through belljar:plugin/log.
(import "belljar:plugin/log@0.1.0" (instance $log
    (type $levels (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $levels)))
    (export "log" (func (param "level" $level) (param "message" string)))))
(core func $log (canon lower (func $log "log") (memory (core memory $libc "memory"))))

(core module $main
    (import "libc" "memory" (memory 1))
    (import "log" "log" (func $log (param i32 i32 i32)))
    (data (i32.const 0) "going down")

    (func (export "lines") (param $count i32)
        (loop $more
            (if (local.get $count) (then
                (call $log (i32.const 2) (i32.const 0) (i32.const 5))
                (local.set $count (i32.sub (local.get $count) (i32.const 1)))
                (br $more)))))

    (func (export "line") (param $length i32)
        (call $log (i32.const 4) (i32.const 0) (local.get $length)))

    (func (export "fail")
        (call $log (i32.const 4) (i32.const 0) (i32.const 10))
        unreachable))
(core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "log" (instance (export "log" (func $log))))))

;; Writes so many lines of five bytes at level info.
(func (export "lines") (param "count" u32) (canon lift (core func $main "lines")))
;; Writes one line of so many bytes at level error.
(func (export "line") (param "length" u32) (canon lift (core func $main "line")))
;; Writes an error, and traps.
(func (export "fail") (canon lift (core func $main "fail")))
