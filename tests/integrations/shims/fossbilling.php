<?php
/**
 * FOSSBilling, as far as the module touches it: an event, its container, the client service, the logger, the exception.
 *
 * - \Box_Event: getDi(), getParameters(); listeners are called with it, and what they throw goes up to who fired
 *   (library/Box/Event.php, EventDispatcher.php)
 * - $di['mod_config'](name), $di['mod_service'](name)->get(['id' => …]) and ->toApiArray(model) (modules/Client/Service.php)
 * - $di['logger']->info(format, values…) (library/Box/Log.php)
 * - \FOSSBilling\InformationException(message, variables, code) (library/FOSSBilling/InformationException.php)
 * All FOSSBilling/FOSSBilling at 0098ef9, read 2026-11-25.
 *
 * Standard input: {"agent": …, "config": {…}, "clients": {id: {…}}, "calls": [[event, parameters], …]}.
 */

namespace Pimple {
    class Container extends \ArrayObject
    {
    }
}

namespace FOSSBilling {
    class InformationException extends \Exception
    {
        public function __construct(string $message, ?array $variables = null, int $code = 0, bool $protected = false)
        {
            parent::__construct($message, $code);
        }
    }
}

namespace {
    error_reporting(E_ALL);
    set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
        throw new \ErrorException($message, 0, $level, $file, $line);
    });

    class Box_Event
    {
        public function __construct(private \Pimple\Container $di, private string $name, private array $parameters)
        {
        }

        public function getDi(): ?\Pimple\Container
        {
            return $this->di;
        }

        public function getParameters()
        {
            return $this->parameters;
        }
    }

    final class Logger
    {
        public array $lines = [];

        public function __call(string $method, array $params): void
        {
            $format = array_shift($params);
            $this->lines[] = [$method, $params ? vsprintf($format, $params) : $format];
        }
    }

    final class ClientService
    {
        public function __construct(private array $clients)
        {
        }

        public function get($data)
        {
            return (object) ($this->clients[$data['id']] ?? throw new \FOSSBilling\InformationException('Client not found'));
        }

        public function toApiArray(object $model, $deep = false, $identity = null): array
        {
            return (array) $model;
        }
    }

    $scenario = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
    $_SERVER['HTTP_USER_AGENT'] = $scenario['agent'] ?? '';
    $logger = new Logger();
    $di = new \Pimple\Container([
        'logger' => $logger,
        'mod_config' => static fn (string $name): array => $name === 'kycrisk' ? $scenario['config'] : [],
        'mod_service' => static fn (string $name) => new ClientService($scenario['clients'] ?? []),
    ]);
    require $argv[1] . '/modules/Kycrisk/Service.php';

    // As modules/Hook/Service.php batchConnect finds listeners: public methods whose first parameter is a Box_Event.
    $listeners = [];
    foreach ((new \ReflectionClass(\Box\Mod\Kycrisk\Service::class))->getMethods() as $method) {
        $parameter = $method->getParameters()[0] ?? null;
        if ($method->isPublic() && $parameter?->getType() !== null && $parameter->getType()->getName() === 'Box_Event') {
            $listeners[$method->getName()] = [\Box\Mod\Kycrisk\Service::class, $method->getName()];
        }
    }

    $returned = [];
    $seconds = [];
    foreach ($scenario['calls'] as [$name, $parameters]) {
        $start = hrtime(true);
        try {
            call_user_func($listeners[$name], new Box_Event($di, $name, $parameters));
            $returned[] = null;
        } catch (\FOSSBilling\InformationException $refused) {
            $returned[] = [$refused->getCode(), $refused->getMessage()];
        }
        $seconds[] = (hrtime(true) - $start) / 1e9;
    }
    echo json_encode(
        ['listeners' => array_keys($listeners), 'returned' => $returned, 'log' => $logger->lines, 'seconds' => $seconds],
        JSON_THROW_ON_ERROR
    );
}
