<?php
/**
 * A FOSSBilling module: screens sign-ups and checkouts, and refuses those that its settings name. `review` refuses none.
 *
 * FOSSBilling connects a module's public static methods to the events of the same name by their first parameter,
 * `\Box_Event`; an exception stops the action, and an InformationException is shown to the customer. Events and
 * parameters: https://docs.fossbilling.org/extensions-and-development/event-hooks/ and the code that fires them
 * (FOSSBilling/FOSSBilling at 0098ef9: modules/Client/Service.php guestCreateClient, modules/Cart/Service.php
 * checkoutCart, library/Box/EventManager.php), read 2026-11-25.
 */

declare(strict_types=1);

namespace Box\Mod\Kycrisk;

use Kycrisk\Client;
use Kycrisk\Screening;
use Kycrisk\SettingsError;

require_once __DIR__ . '/KycriskClient.php';

class Service
{
    protected ?\Pimple\Container $di = null;

    public function setDi(\Pimple\Container $di): void
    {
        $this->di = $di;
    }

    public function getDi(): ?\Pimple\Container
    {
        return $this->di;
    }

    /** The settings page is for staff who may manage it. */
    public function getModulePermissions(): array
    {
        return ['manage_settings' => []];
    }

    /** Before a guest becomes a client: the form's fields, and `ip`. There is no client id yet. */
    public static function onBeforeClientSignUp(\Box_Event $event): void
    {
        $params = (array) $event->getParameters();
        self::judge($event->getDi(), $params, (string) ($params['ip'] ?? ''), 'block_signup_at');
    }

    /** Before orders and invoices are made of a cart: `ip`, `client_id`, `cart_id`. */
    public static function onBeforeClientCheckout(\Box_Event $event): void
    {
        $params = (array) $event->getParameters();
        $di = $event->getDi();
        $clients = $di['mod_service']('client');
        $client = $clients->toApiArray($clients->get(['id' => (int) ($params['client_id'] ?? 0)]));
        self::judge($di, (array) $client, (string) ($params['ip'] ?? ''), 'block_checkout_at');
    }

    /** @throws \FOSSBilling\InformationException when the outcome reaches what the settings refuse */
    private static function judge(\Pimple\Container $di, array $client, string $ip, string $setting): void
    {
        $config = (array) $di['mod_config']('kycrisk');
        $blockAt = (string) ($config[$setting] ?? 'deny');
        try {
            $asked = Client::fromSettings($config);
            if (!in_array($blockAt, ['verify', 'deny', 'never'], true)) {
                throw new SettingsError("kycrisk: `{$setting}` is `verify`, `deny` or `never`");
            }
        } catch (SettingsError $error) {
            error_log($error->getMessage() . '; nobody is screened');
            return;
        }
        $signup = self::signup($client, $ip);
        $screening = $asked->screen($signup);
        if ($screening->reaches('review')) {
            // Box_Log takes a format and its values, as in `info('Client #%s signed up', $id)`.
            $di['logger']->info('%s', $screening->line() . ' [account ' . $signup['account_id'] . ']');
        }
        if ($screening->reaches($blockAt)) {
            throw new \FOSSBilling\InformationException(
                'We cannot accept this online. Please contact our support.',
                [],
                403
            );
        }
    }

    /** The fields of the sign-up form and of a client's API array have the same names. */
    private static function signup(array $client, string $ip): array
    {
        $email = strtolower(self::text($client, 'email'));
        $callingCode = ltrim(self::text($client, 'phone_cc'), '+');
        $phone = self::text($client, 'phone');
        $isWhole = $phone === '' || $phone[0] === '+' || $callingCode === '';
        return [
            // No client has an id at sign-up; an e-mail address names one client, and its digest tells nobody which.
            'account_id' => 'fossbilling:' . substr(hash('sha256', $email), 0, 32),
            'email' => $email,
            'ip' => $ip,
            'first_name' => self::text($client, 'first_name'),
            'last_name' => self::text($client, 'last_name'),
            'company' => self::text($client, 'company'),
            'phone' => $isWhole ? $phone : "+{$callingCode} {$phone}",
            'address' => [
                'lines' => trim(self::text($client, 'address_1') . "\n" . self::text($client, 'address_2')),
                'city' => self::text($client, 'city'),
                'region' => self::text($client, 'state'),
                'postal_code' => self::text($client, 'postcode'),
                'country' => self::text($client, 'country'),
            ],
            'user_agent' => (string) ($_SERVER['HTTP_USER_AGENT'] ?? ''),
        ];
    }

    private static function text(array $client, string $name): string
    {
        $value = $client[$name] ?? '';
        return is_scalar($value) ? trim((string) $value) : '';
    }
}
