-- A webhook with a JSON body of about 1 KB, without an id: every request is an event of its own.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"action":"opened","number":12,"type":"bench","text":"' .. string.rep("x", 964) .. '"}'
