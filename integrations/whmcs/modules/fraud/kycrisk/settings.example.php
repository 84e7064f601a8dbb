<?php
// Copy this file to settings.php beside it. It holds a key: let only the web server read it.
return [
    'base_url' => 'https://kycrisk.example.net',
    'key' => getenv('KYCRISK_KEY') ?: '',  // an API key with the scope `screen`
    'timeout_ms' => 800,                   // what a checkout waits at most
    'on_failure' => 'review',              // no decision: allow (fail open), review, verify, deny (fail closed)
    'block_at' => 'deny',                  // what is refused: deny, verify (and deny), never
    'message' => 'We cannot take this order online. Please contact us.',
];
