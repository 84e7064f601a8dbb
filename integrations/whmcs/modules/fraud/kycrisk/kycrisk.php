<?php
/**
 * A fraud module for WHMCS: screens an order, and fails it only for what `block_at` names. `review` never fails one.
 *
 * WHMCS documents no fraud modules. The functions, their parameters and returns are those of two public modules:
 * https://github.com/sitearrow/fraudsilo (fraudsilo.php at 0230c1c, MetaData with APIVersion 1.2) and the dummy module in
 * the same form (`error.title`, `error.description`); both read 2026-11-25.
 */

declare(strict_types=1);

if (!defined('WHMCS')) {
    exit('This file cannot be accessed directly');
}

require_once __DIR__ . '/lib/KycriskClient.php';
require_once __DIR__ . '/lib/Desk.php';

function kycrisk_MetaData()
{
    return ['DisplayName' => 'kycrisk', 'SupportsRechecks' => true, 'APIVersion' => '1.2'];
}

/** Everything else is in settings.php, which the hooks read too. */
function kycrisk_getConfigArray()
{
    return [
        'Enable' => [
            'FriendlyName' => 'Enable kycrisk',
            'Type' => 'yesno',
            'Description' => 'Screens orders as modules/fraud/kycrisk/settings.php says',
        ],
    ];
}

/**
 * @param array $params `ip`, `clientsdetails`, `order`
 *
 * @return array `error` (title, description) fails the order; `data` is kept and shown to the staff
 */
function kycrisk_doFraudCheck(array $params, $checkOnly = false)
{
    $desk = \Kycrisk\Whmcs\Desk::open();
    if ($desk === null) {
        return ['data' => ['line' => 'kycrisk is not set up; nobody is screened']];
    }
    $details = (array) ($params['clientsdetails'] ?? []);
    $ip = (string) ($params['ip'] ?? '');
    // An admin who checks again wants a judgement of today, not the one kept in a session.
    $screening = defined('ADMINAREA') ? $desk->screened($details, $ip) : $desk->screening($details, $ip);
    $desk->flag((int) ($details['userid'] ?? $details['id'] ?? 0), $screening, $details);
    $result = ['data' => ['line' => $screening->line()] + $screening->toArray()];
    if ($screening->reaches($desk->blockAt)) {
        $result['error'] = ['title' => 'Order not accepted', 'description' => $desk->message];
    }
    return $result;
}

/** What the staff see at the order. `data` comes back as the JSON that WHMCS made of it. */
function kycrisk_processResultsForDisplay(array $params)
{
    $data = $params['data'] ?? [];
    for ($times = 0; is_string($data) && $times < 2; $times++) {
        $data = json_decode($data, true);
    }
    $line = is_array($data) && is_string($data['line'] ?? null) ? $data['line'] : 'kycrisk: no result';
    return '<p>' . htmlspecialchars($line, ENT_QUOTES, 'UTF-8') . '</p>';
}
