<?php
/**
 * What the hooks and the fraud module share: a client's details as a signup, and the decision kept for the visit.
 *
 * One order runs through up to four hooks (ShoppingCartValidateCheckout, ClientAdd, the fraud module, AfterFraudCheck).
 * They speak of the same signup, so it is screened once: else a customer would count as their own second signup.
 */

declare(strict_types=1);

namespace Kycrisk\Whmcs;

use Kycrisk\Client;
use Kycrisk\Screening;
use Kycrisk\SettingsError;

final class Desk
{
    private const SESSION = 'kycrisk';

    /** @var array<string, Screening> what was asked in this request; a server that is down is waited for once */
    private static $asked = [];

    /** @var Client */
    private $client;
    /** @var string */
    public $blockAt;
    /** @var string */
    public $message;

    /** The desk by settings.php, or null, with a line in the activity log, when it is not set up. */
    public static function open(): ?self
    {
        $file = __DIR__ . '/../settings.php';
        try {
            if (!is_file($file)) {
                throw new SettingsError('kycrisk: modules/fraud/kycrisk/settings.php is missing');
            }
            return new self((array) require $file);
        } catch (SettingsError $error) {
            // logActivity($message, $clientId): https://developers.whmcs.com/advanced/logging/ (read 2026-11-25)
            logActivity($error->getMessage() . '; nobody is screened');
            return null;
        }
    }

    private function __construct(
        #[\SensitiveParameter]
        array $settings
    ) {
        $this->client = Client::fromSettings($settings);
        $this->blockAt = (string) ($settings['block_at'] ?? 'deny');
        $this->message = (string) ($settings['message'] ?? 'We cannot take this order online. Please contact us.');
        if (!in_array($this->blockAt, ['verify', 'deny', 'never'], true)) {
            throw new SettingsError('kycrisk: `block_at` is `verify`, `deny` or `never`; nothing is refused on `review`');
        }
    }

    /** The decision about a client's details, from this visit when they were screened in it. */
    public function screening(array $details, string $ip): Screening
    {
        return self::$asked[self::fingerprint($details)]
            ?? $this->remembered($details)
            ?? $this->screened($details, $ip);
    }

    /** A decision made now. */
    public function screened(array $details, string $ip): Screening
    {
        $screening = $this->client->screen(self::signup($details, $ip));
        $of = self::fingerprint($details);
        self::$asked[$of] = $screening;
        $_SESSION[self::SESSION] = ['of' => $of, 'is' => $screening->toArray(), 'noted' => false];
        if ($screening->hasFailed()) {
            logActivity($screening->line());
        }
        return $screening;
    }

    /**
     * Flag a client for the staff: a sticky note, which WHMCS shows throughout the client's account and on their
     * tickets (https://developers.whmcs.com/api-reference/addclientnote/, read 2026-11-25). Once a visit. Orders and
     * invoices are left alone.
     */
    public function flag(int $clientId, Screening $screening, array $details): void
    {
        $kept = $_SESSION[self::SESSION] ?? [];
        if ($clientId < 1 || !$screening->reaches('review') || (($kept['noted'] ?? false) === true)) {
            return;
        }
        $note = $screening->line() . ' [account ' . self::accountId($details) . ']';
        localAPI('AddClientNote', ['userid' => $clientId, 'notes' => $note, 'sticky' => true]);
        if ($kept) {
            $_SESSION[self::SESSION]['noted'] = true;
        }
    }

    /**
     * The address of the visitor, as WHMCS sees it behind its trusted proxies. CurrentRequest is what WHMCS itself and
     * other modules use, but is not in its documentation; REMOTE_ADDR is PHP's own.
     */
    public static function visitor(): string
    {
        $class = '\WHMCS\Utility\Environment\CurrentRequest';
        return (string) (method_exists($class, 'getIP') ? $class::getIP() : ($_SERVER['REMOTE_ADDR'] ?? ''));
    }

    private function remembered(array $details): ?Screening
    {
        $kept = $_SESSION[self::SESSION] ?? null;
        $same = is_array($kept) && hash_equals((string) ($kept['of'] ?? ''), self::fingerprint($details));
        $screening = $same && is_array($kept['is'] ?? null) ? Screening::fromArray($kept['is']) : null;
        return $screening !== null && !$screening->hasFailed() ? $screening : null;
    }

    /**
     * A client's details as a signup. The names are those of ShoppingCartValidateCheckout, ClientAdd
     * (https://developers.whmcs.com/hooks-reference/shopping-cart/ and …/client/, read 2026-11-25) and of a fraud
     * module's `clientsdetails`; passwords and card numbers, which stand beside them, are not touched.
     */
    private static function signup(array $details, string $ip): array
    {
        return [
            'account_id' => self::accountId($details),
            'email' => self::text($details, 'email'),
            'ip' => $ip,
            'first_name' => self::text($details, 'firstname'),
            'last_name' => self::text($details, 'lastname'),
            'company' => self::text($details, 'companyname'),
            'phone' => self::text($details, 'phonenumber'),
            'address' => [
                'lines' => trim(self::text($details, 'address1') . "\n" . self::text($details, 'address2')),
                'city' => self::text($details, 'city'),
                'region' => self::text($details, 'state'),
                'postal_code' => self::text($details, 'postcode'),
                'country' => self::text($details, 'country'),
            ],
            'user_agent' => (string) ($_SERVER['HTTP_USER_AGENT'] ?? ''),
        ];
    }

    /** At checkout there is no client id yet; an e-mail address names one client, and its digest tells nobody which. */
    private static function accountId(array $details): string
    {
        return 'whmcs:' . substr(hash('sha256', strtolower(self::text($details, 'email'))), 0, 32);
    }

    /** What stays the same from hook to hook. WHMCS rewrites telephone numbers when it stores them. */
    private static function fingerprint(array $details): string
    {
        $signup = self::signup($details, '');
        unset($signup['phone']);
        return hash('sha256', (string) json_encode($signup, JSON_INVALID_UTF8_SUBSTITUTE));
    }

    /** WHMCS keeps texts HTML-encoded: `O&#039;Brien`. */
    private static function text(array $details, string $name): string
    {
        $value = $details[$name] ?? '';
        return is_scalar($value) ? trim(html_entity_decode((string) $value, ENT_QUOTES | ENT_HTML5, 'UTF-8')) : '';
    }
}
