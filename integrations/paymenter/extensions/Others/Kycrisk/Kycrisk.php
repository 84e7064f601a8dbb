<?php
/**
 * A Paymenter extension: screens registrations and orders, and refuses those that its settings name. `review` refuses
 * none.
 *
 * Extensions, settings and `boot`: https://github.com/Paymenter/docs development/extensions/index.md at 3098f18. Events:
 * Paymenter/Paymenter app/Events/User/Creating.php at 42e2cb7 and app/Events/Order/Creating.php at e643733, dispatched by
 * app/Observers/UserObserver.php and OrderObserver.php before the row is written. A DisplayException is shown to the
 * customer (app/Livewire/Component.php; the cart rolls its transaction back, app/Livewire/Cart.php). All read 2026-11-25.
 */

declare(strict_types=1);

namespace Paymenter\Extensions\Others\Kycrisk;

use App\Attributes\ExtensionMeta;
use App\Classes\Extension\Extension;
use App\Events\Order\Creating as OrderCreating;
use App\Events\User\Creating as UserCreating;
use App\Exceptions\DisplayException;
use App\Models\User;
use Illuminate\Support\Facades\Event;
use Illuminate\Support\Facades\Log;
use Kycrisk\Client;
use Kycrisk\SettingsError;

require_once __DIR__ . '/KycriskClient.php';

#[ExtensionMeta(
    name: 'kycrisk',
    description: 'Screens registrations and orders with your own kycrisk server.',
    version: '0.1.0',
    author: 'kycrisk',
)]
class Kycrisk extends Extension
{
    /** What the seeder calls a user's properties: database/seeders/CustomPropertySeeder.php at 010fb3e. */
    private const PROPERTIES = ['company_name', 'phone', 'address', 'address2', 'city', 'state', 'zip', 'country'];

    public function getConfig($values = [])
    {
        $blocks = ['deny' => 'deny', 'verify' => 'verify and deny', 'never' => 'nothing'];
        $outcomes = ['allow' => 'allow (fail open)', 'review' => 'review', 'verify' => 'verify', 'deny' => 'deny (fail closed)'];
        return [
            ['name' => 'base_url', 'label' => 'Server', 'type' => 'text', 'required' => true, 'validation' => 'url'],
            ['name' => 'key', 'label' => 'API key (scope screen)', 'type' => 'password', 'required' => true],
            ['name' => 'timeout_ms', 'label' => 'Milliseconds to wait at most', 'type' => 'number', 'default' => 800,
                'required' => true, 'validation' => 'integer|min:50|max:60000'],
            ['name' => 'on_failure', 'label' => 'When there is no decision', 'type' => 'select', 'required' => true,
                'options' => $outcomes],
            ['name' => 'block_signup_at', 'label' => 'Registrations refused', 'type' => 'select', 'default' => 'deny',
                'required' => true, 'options' => $blocks],
            ['name' => 'block_order_at', 'label' => 'Orders refused', 'type' => 'select', 'default' => 'deny',
                'required' => true, 'options' => $blocks],
        ];
    }

    public function boot()
    {
        if (!class_exists(UserCreating::class) || !class_exists(OrderCreating::class)) {
            Log::error('kycrisk: this Paymenter has no Creating events; nobody is screened');
            return;
        }
        Event::listen(UserCreating::class, fn (UserCreating $event) => $this->judge($event->user, 'block_signup_at'));
        Event::listen(OrderCreating::class, fn (OrderCreating $event) => $this->judge($event->order->user, 'block_order_at'));
    }

    /** @throws DisplayException when the outcome reaches what the settings refuse */
    public function judge(?User $user, string $setting): void
    {
        // The console and the staff do not sit at the customer's address. Only staff have a role (app/Models/User.php).
        if ($user === null || app()->runningInConsole() || auth()->user()?->role_id !== null) {
            return;
        }
        $blockAt = (string) ($this->config($setting) ?? 'deny');
        try {
            $client = Client::fromSettings([
                'base_url' => $this->config('base_url'),
                'key' => $this->config('key'),
                'timeout_ms' => $this->config('timeout_ms') ?? 800,
                'on_failure' => $this->config('on_failure'),
            ]);
            if (!in_array($blockAt, ['verify', 'deny', 'never'], true)) {
                throw new SettingsError("kycrisk: `{$setting}` is `verify`, `deny` or `never`");
            }
        } catch (SettingsError $error) {
            Log::error($error->getMessage() . '; nobody is screened');
            return;
        }
        $signup = self::signup($user);
        $screening = $client->screen($signup);
        if ($screening->reaches('review')) {
            Log::warning($screening->line() . ' [account ' . $signup['account_id'] . ']');
        }
        if ($screening->reaches($blockAt)) {
            throw new DisplayException('We cannot accept this online. Please contact our support.');
        }
    }

    /** Before a registration is written there are no properties yet, only name and e-mail address. */
    private static function signup(User $user): array
    {
        $properties = array_fill_keys(self::PROPERTIES, '');
        foreach ($user->exists ? $user->properties : [] as $property) {
            $properties[$property->key] = (string) $property->value;
        }
        $email = strtolower(trim((string) $user->email));
        return [
            // A user has no id yet; an e-mail address names one user, and its digest tells nobody which.
            'account_id' => 'paymenter:' . substr(hash('sha256', $email), 0, 32),
            'email' => $email,
            'ip' => (string) request()->ip(),
            'first_name' => (string) $user->first_name,
            'last_name' => (string) $user->last_name,
            'company' => $properties['company_name'],
            'phone' => $properties['phone'],
            'address' => [
                'lines' => trim($properties['address'] . "\n" . $properties['address2']),
                'city' => $properties['city'],
                'region' => $properties['state'],
                'postal_code' => $properties['zip'],
                // Paymenter's property is free text; what is no code of two letters would be refused as a whole.
                'country' => preg_match('/^[A-Za-z]{2}$/D', $properties['country']) ? $properties['country'] : '',
            ],
            'user_agent' => (string) request()->userAgent(),
        ];
    }
}
