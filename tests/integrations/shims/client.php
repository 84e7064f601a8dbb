<?php
/**
 * The client alone. Standard input: {"settings": {…}, "signups": [[signup, key or null], …]}; a text that begins with
 * `base64:` stands for bytes that JSON cannot carry.
 */

error_reporting(E_ALL);
set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
    throw new \ErrorException($message, 0, $level, $file, $line);
});
require $argv[1];
$scenario = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
$found = ['screenings' => [], 'lines' => [], 'seconds' => [], 'error' => null, 'dumped' => ''];
try {
    $client = \Kycrisk\Client::fromSettings($scenario['settings']);
    foreach ($scenario['signups'] as [$signup, $key]) {
        array_walk_recursive($signup, static function (&$value): void {
            if (is_string($value) && substr($value, 0, 7) === 'base64:') {
                $value = base64_decode(substr($value, 7));
            }
        });
        $start = hrtime(true);
        $screening = $client->screen($signup, $key);
        $found['seconds'][] = (hrtime(true) - $start) / 1e9;
        $found['screenings'][] = $screening->toArray();
        $found['lines'][] = $screening->line();
        $same = \Kycrisk\Screening::fromArray(json_decode(json_encode($screening->toArray()), true));
        assert($same == $screening);
    }
    $found['dumped'] = print_r($client, true) . var_export((array) $client, true) . json_encode($client);
    ob_start();
    var_dump($client);
    $found['dumped'] .= ob_get_clean();
    try {
        $found['dumped'] .= serialize($client);
    } catch (\LogicException $refused) {
        $found['dumped'] .= 'not serialized';
    }
} catch (\Kycrisk\SettingsError $error) {
    $found['error'] = $error->getMessage();
    $found['dumped'] = (string) $error;
}
echo json_encode($found, JSON_THROW_ON_ERROR);
