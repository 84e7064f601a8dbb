<?php
/**
 * The hooks of kycrisk in WHMCS: a checkout is refused for what `block_at` names, and a client is flagged from `review`
 * on. No hook cancels, holds or changes an order.
 *
 * Hook points, parameters and returns: https://developers.whmcs.com/hooks-reference/shopping-cart/ and
 * https://developers.whmcs.com/hooks-reference/client/ (WHMCS/developer-docs at 126c7bc and 0d452fb, read 2026-11-25).
 */

declare(strict_types=1);

use Kycrisk\Whmcs\Desk;

if (!defined('WHMCS')) {
    exit('This file cannot be accessed directly');
}

require_once __DIR__ . '/../../modules/fraud/kycrisk/lib/KycriskClient.php';
require_once __DIR__ . '/../../modules/fraud/kycrisk/lib/Desk.php';

/**
 * Runs before order and invoice are made. `custtype` is `new` or `existing`; the details are there for new clients only.
 * An array of texts refuses the checkout and shows them.
 */
add_hook('ShoppingCartValidateCheckout', 1, static function (array $vars) {
    $isNew = ($vars['custtype'] ?? '') === 'new' && (int) ($vars['clientId'] ?? 0) === 0;
    $desk = $isNew ? Desk::open() : null;
    if ($desk === null) {
        return [];
    }
    // Always asked anew: the details may have changed since the last try. The same details get the stored decision.
    $refused = $desk->screened($vars, Desk::visitor())->reaches($desk->blockAt);
    return $refused ? [$desk->message] : [];
});

/** Runs for every new client, however added; those whom the staff add do not sit at the address that we would see. */
add_hook('ClientAdd', 1, static function (array $vars) {
    $desk = defined('ADMINAREA') || Desk::visitor() === '' ? null : Desk::open();
    if ($desk !== null) {
        $clientId = (int) ($vars['client_id'] ?? $vars['userid'] ?? 0);  // `userid` before WHMCS 8
        $desk->flag($clientId, $desk->screening($vars, Desk::visitor()), $vars);
    }
});

/** Runs after whichever fraud module is active, for the order's client; no response is supported. */
add_hook('AfterFraudCheck', 1, static function (array $vars) {
    $details = (array) ($vars['clientdetails'] ?? []);
    $desk = defined('ADMINAREA') || Desk::visitor() === '' ? null : Desk::open();
    if ($desk !== null) {
        $clientId = (int) ($details['userid'] ?? $details['id'] ?? 0);
        $desk->flag($clientId, $desk->screening($details, Desk::visitor()), $details);
    }
});
