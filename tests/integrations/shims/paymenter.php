<?php
/**
 * Paymenter and Laravel, as far as the extension touches them.
 *
 * - App\Classes\Extension\Extension: `config(key)` (app/Classes/Extension/Extension.php at 02a5b10)
 * - App\Events\User\Creating($user), App\Events\Order\Creating($order), App\Exceptions\DisplayException
 * - App\Models\User: first_name, last_name, email, role_id, properties (rows with key and value), exists
 * - Event::listen(class, closure); what a listener throws goes up (https://laravel.com/docs/11.x/events)
 * - Log::error, Log::warning; app()->runningInConsole(), auth()->user(), request()->ip(), request()->userAgent()
 * All read 2026-11-25.
 *
 * Standard input: {"config": {…}, "ip": …, "agent": …, "staff": bool, "console": bool, "events": bool,
 * "calls": [["user" | "order", user], …]}.
 */

namespace App\Classes\Extension {
    class Extension
    {
        public function __construct(public $config = [])
        {
        }

        public function config($key)
        {
            return $this->config[$key] ?? null;
        }
    }
}

namespace App\Exceptions {
    class DisplayException extends \Exception
    {
    }
}

namespace App\Models {
    class User
    {
        public bool $exists = false;
        public $role_id = null;
        public string $first_name = '';
        public string $last_name = '';
        public string $email = '';
        public array $properties = [];
    }

    class Order
    {
        public function __construct(public ?User $user)
        {
        }
    }
}

namespace Illuminate\Support\Facades {
    class Event
    {
        public static array $listeners = [];

        public static function listen(string $event, callable $listener): void
        {
            self::$listeners[$event][] = $listener;
        }
    }

    class Log
    {
        public static array $lines = [];

        public static function __callStatic(string $level, array $arguments): void
        {
            self::$lines[] = [$level, $arguments[0]];
        }
    }
}

namespace {
    error_reporting(E_ALL);
    set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
        throw new \ErrorException($message, 0, $level, $file, $line);
    });
    $scenario = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);

    if ($scenario['events'] ?? true) {
        eval('namespace App\Events\User; class Creating { public function __construct(public \App\Models\User $user) {} }');
        eval('namespace App\Events\Order; class Creating { public function __construct(public \App\Models\Order $order) {} }');
    }

    final class Helper
    {
        public function runningInConsole(): bool
        {
            return $GLOBALS['scenario']['console'] ?? false;
        }

        public function user(): ?\App\Models\User
        {
            if (!($GLOBALS['scenario']['staff'] ?? false)) {
                return null;
            }
            $staff = new \App\Models\User();
            $staff->role_id = 1;
            return $staff;
        }

        public function ip(): ?string
        {
            return $GLOBALS['scenario']['ip'] ?? null;
        }

        public function userAgent(): ?string
        {
            return $GLOBALS['scenario']['agent'] ?? null;
        }
    }

    function app(): Helper
    {
        return new Helper();
    }

    function auth(): Helper
    {
        return new Helper();
    }

    function request(): Helper
    {
        return new Helper();
    }

    require $argv[1] . '/extensions/Others/Kycrisk/Kycrisk.php';
    $extension = new \Paymenter\Extensions\Others\Kycrisk\Kycrisk($scenario['config']);
    $extension->boot();

    $returned = [];
    $seconds = [];
    foreach ($scenario['calls'] as [$kind, $fields]) {
        $user = new \App\Models\User();
        foreach ($fields as $name => $value) {
            $user->$name = $name === 'properties'
                ? array_map(static fn ($key) => (object) ['key' => $key, 'value' => $value[$key]], array_keys($value))
                : $value;
        }
        $class = $kind === 'user' ? 'App\Events\User\Creating' : 'App\Events\Order\Creating';
        $start = hrtime(true);
        try {
            foreach (\Illuminate\Support\Facades\Event::$listeners[$class] ?? [] as $listener) {
                $listener(new $class($kind === 'user' ? $user : new \App\Models\Order($user)));
            }
            $returned[] = null;
        } catch (\App\Exceptions\DisplayException $refused) {
            $returned[] = $refused->getMessage();
        }
        $seconds[] = (hrtime(true) - $start) / 1e9;
    }
    echo json_encode(
        [
            'returned' => $returned,
            'log' => \Illuminate\Support\Facades\Log::$lines,
            'settings' => array_column($extension->getConfig(), 'type', 'name'),
            'seconds' => $seconds,
        ],
        JSON_THROW_ON_ERROR
    );
}
