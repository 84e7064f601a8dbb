<?php
/**
 * WHMCS, as far as the hooks and the fraud module touch it. What is called is recorded.
 *
 * - add_hook($hookPoint, $priority, $function): https://developers.whmcs.com/hooks/sample-hook/
 * - logActivity($message, $clientId): https://developers.whmcs.com/advanced/logging/
 * - localAPI($command, $postData): https://developers.whmcs.com/api-reference/addclientnote/
 * - CurrentRequest::getIP(): as other modules call it; it is not documented. All read 2026-11-25.
 *
 * The scenario comes on standard input: {"admin": bool, "ip": …, "agent": …, "settings": {…}, "calls": [["hook", name,
 * vars] | ["check", params] | ["show", params] | ["next request"], …]}; what came of it goes to standard output.
 */

namespace {
    error_reporting(E_ALL);
    set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
        throw new \ErrorException($message, 0, $level, $file, $line);
    });

    define('WHMCS', true);
    $scenario = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
    if ($scenario['admin'] ?? false) {
        define('ADMINAREA', true);
    }
    $_SERVER['HTTP_USER_AGENT'] = $scenario['agent'] ?? '';
    $_SERVER['REMOTE_ADDR'] = $scenario['ip'] ?? '';
    $_SESSION = [];
    $recorded = ['returned' => [], 'activity' => [], 'api' => []];
    $hooks = [];

    function add_hook(string $hookPoint, int $priority, callable $function): void
    {
        $GLOBALS['hooks'][$hookPoint][] = $function;
    }

    function logActivity(string $message, int $clientId = 0): void
    {
        $GLOBALS['recorded']['activity'][] = $message;
    }

    function localAPI(string $command, array $postData = [], string $adminUsername = ''): array
    {
        $GLOBALS['recorded']['api'][] = [$command, $postData];
        return ['result' => 'success', 'noteid' => '1'];
    }
}

namespace WHMCS\Utility\Environment {
    final class CurrentRequest
    {
        public static function getIP(): string
        {
            return $_SERVER['REMOTE_ADDR'];
        }
    }
}

namespace {
    // The module finds its settings beside itself, so it runs in a copy of the panel's tree.
    $root = $argv[1];
    if (isset($scenario['settings'])) {
        $code = '<?php return ' . var_export($scenario['settings'], true) . ';';
        file_put_contents("$root/modules/fraud/kycrisk/settings.php", $code);
    }
    require "$root/includes/hooks/kycrisk.php";
    require "$root/modules/fraud/kycrisk/kycrisk.php";

    foreach ($scenario['calls'] as $call) {
        $start = hrtime(true);
        switch ($call[0]) {
            case 'hook':
                $recorded['returned'][] = array_map(static fn ($function) => $function($call[2]), $hooks[$call[1]])[0];
                break;
            case 'check':
                $recorded['returned'][] = kycrisk_doFraudCheck($call[1]);
                break;
            case 'show':
                $recorded['returned'][] = kycrisk_processResultsForDisplay($call[1]);
                break;
        }
        $recorded['seconds'][] = (hrtime(true) - $start) / 1e9;
    }
    $recorded['dumped'] = print_r(\Kycrisk\Whmcs\Desk::open(), true) . var_export($_SESSION, true);
    echo json_encode($recorded, JSON_THROW_ON_ERROR);
}
