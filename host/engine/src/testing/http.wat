;; Sends a request through belljar:plugin/http when `send` is called. A start function can stand for START.
(import "belljar:plugin/http@0.1.0" (instance $http
    (type $ref-record (record (field "belljar-object" u64)))
    (export "object-ref" (type $ref (eq $ref-record)))
    (type $headers (list (tuple string string)))
    (type $requests (record
        (field "method" string) (field "url" string) (field "headers" $headers) (field "body" (list u8))))
    (export "request" (type $request (eq $requests)))
    (type $responses (record (field "status" u16) (field "headers" $headers) (field "body" $ref)))
    (export "response" (type $response (eq $responses)))
    (type $errors (variant
        (case "invalid" string) (case "not-granted" string) (case "too-large" u64) (case "timeout" u64)
        (case "connection" string)))
    (export "error" (type $error (eq $errors)))
    (type $answer (result $response (error $error)))
    (export "send" (func (param "request" $request) (result $answer)))))
(core func $send (canon lower (func $http "send") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))

(core module $main
    (import "libc" "memory" (memory 1))
    (import "http" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (data (i32.const 100) "GET")
    (data (i32.const 200) "http://127.0.0.1:1/")
    ;; The method and the URL from above, no headers, no body, the answer to address 0.
    (func $request
        (call $send (i32.const 100) (i32.const 3) (i32.const 200) (i32.const 19)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
    (func (export "send") (result i32) (call $request) (i32.load8_u (i32.const 0)))
    START)
(core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "http" (instance (export "send" (func $send))))))

;; 0 for a response, 1 for an error.
(func (export "send") (result u32) (canon lift (core func $main "send")))
