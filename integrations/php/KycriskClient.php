<?php
/**
 * A client of a kycrisk server for billing panels: one deadline for the whole call, and a fallback that the operator
 * chose. `screen` always answers; it never throws.
 *
 * This file is the same in every panel's folder (tests/integrations/test_php_client.py sees to it); edit the one in
 * integrations/php. It runs on PHP 7.4 and newer and needs the curl extension: reads of PHP's own streams are bounded
 * one by one only, so that a server which drips its answer could hold a checkout for minutes.
 */

declare(strict_types=1);

namespace Kycrisk;

/** What came of a screening: a decision, or the fallback. */
final class Screening
{
    public const OUTCOMES = ['allow', 'review', 'verify', 'deny'];

    /** @var string one of OUTCOMES */
    private $outcome;
    /** @var string `dec_…`; empty when there is no decision */
    private $id;
    /** @var int|null null when there is no decision */
    private $score;
    /** @var string[] the titles of the rules that hit; they hold nothing of the customer */
    private $titles;
    /** @var string the kind of the failure; empty when there is a decision */
    private $failure;
    /** @var string why there is no decision; it holds nothing of the customer and no secret */
    private $why;

    private function __construct(string $outcome, string $id, ?int $score, array $titles, string $failure, string $why)
    {
        $this->outcome = $outcome;
        $this->id = $id;
        $this->score = $score;
        $this->titles = $titles;
        $this->failure = $failure;
        $this->why = $why;
    }

    /** The decision in an answer of the server, or null when it is none, or is about another account. */
    public static function ofAnswer(string $body, string $accountId): ?self
    {
        $raw = json_decode($body, true, 64);
        $whole = is_array($raw)
            && ($raw['format'] ?? null) === 'kycrisk.decision/1'
            && ($raw['account_id'] ?? null) === $accountId
            && in_array($raw['outcome'] ?? null, self::OUTCOMES, true)
            && is_string($raw['id'] ?? null)
            && is_int($raw['score'] ?? null)
            && is_array($raw['reasons'] ?? null);
        if (!$whole) {
            return null;
        }
        $titles = array_filter(array_column($raw['reasons'], 'title'), 'is_string');
        return new self($raw['outcome'], $raw['id'], $raw['score'], array_values($titles), '', '');
    }

    /** The fallback when there is no decision. */
    public static function failed(string $outcome, string $failure, string $why): self
    {
        return new self($outcome, '', null, [], $failure, $why);
    }

    /** What a panel keeps between two hooks of one visit. */
    public function toArray(): array
    {
        return [
            'outcome' => $this->outcome,
            'id' => $this->id,
            'score' => $this->score,
            'titles' => $this->titles,
            'failure' => $this->failure,
            'why' => $this->why,
        ];
    }

    /** The screening that `toArray` gave, or null when this is none. */
    public static function fromArray(array $kept): ?self
    {
        if (!in_array($kept['outcome'] ?? null, self::OUTCOMES, true) || !is_array($kept['titles'] ?? null)) {
            return null;
        }
        $score = $kept['score'] ?? null;
        return new self(
            $kept['outcome'],
            (string) ($kept['id'] ?? ''),
            is_int($score) ? $score : null,
            $kept['titles'],
            (string) ($kept['failure'] ?? ''),
            (string) ($kept['why'] ?? '')
        );
    }

    public function outcome(): string
    {
        return $this->outcome;
    }

    public function id(): string
    {
        return $this->id;
    }

    public function hasFailed(): bool
    {
        return $this->failure !== '';
    }

    /** Whether the outcome is this one or a graver one; `never` is reached by none. */
    public function reaches(string $outcome): bool
    {
        $place = array_search($outcome, self::OUTCOMES, true);
        return $place !== false && array_search($this->outcome, self::OUTCOMES, true) >= $place;
    }

    /** One line for a log or an admin's note: nothing of the customer, no secret. */
    public function line(): string
    {
        if ($this->hasFailed()) {
            return "kycrisk: no decision ({$this->failure}): {$this->why}; the outcome is {$this->outcome}";
        }
        $because = $this->titles ? ' because: ' . implode('; ', $this->titles) : '';
        return "kycrisk: {$this->outcome}, score {$this->score} ({$this->id}){$because}";
    }
}

/** Settings of a panel that cannot be. The message holds every problem, and no secret. */
final class SettingsError extends \InvalidArgumentException
{
}

final class Client
{
    private const MAX_BYTES = 1048576;
    /** The server's share of the time; the rest is for the way there and back. */
    private const SHARE = 0.85;
    /** What is left of the time must be worth a second try, in seconds. */
    private const LEAST_FOR_RETRY = 0.02;

    // What whoever signs up can bring about alone (400, 409, 413, 422). Such a failure never lets them through.
    private const OF_THE_SIGNUP = ['signup', 'conflict'];

    private const STATUS = [
        400 => ['signup', 'the server cannot read the signup'],
        401 => ['refused', 'the server does not accept the key'],
        403 => ['refused', 'the key may not screen'],
        404 => ['refused', 'there is no screening at this address'],
        405 => ['refused', 'there is no screening at this address'],
        408 => ['busy', 'the server waited too long for the signup'],
        409 => ['conflict', 'another signup came under this idempotency key'],
        413 => ['signup', 'the signup is too large'],
        422 => ['signup', 'the server cannot use the signup'],
        429 => ['busy', 'the key has asked too often'],
        503 => ['busy', 'the server cannot take the signup now'],
    ];

    /** @var array<int, string> the keys, by object: here no dump of an object shows them */
    private static $keys = [];

    /** @var string */
    private $url;
    /** @var float seconds for a whole call */
    private $timeout;
    /** @var string one of Screening::OUTCOMES */
    private $onFailure;

    /**
     * A client by a panel's settings: `base_url`, `key`, `on_failure` (an outcome: `allow` fails open, `deny` fails
     * closed), `timeout_ms` (800 when left out).
     *
     * @throws SettingsError with all that is wrong
     */
    public static function fromSettings(
        #[\SensitiveParameter]
        array $settings
    ): self {
        $url = trim((string) ($settings['base_url'] ?? ''));
        $key = trim((string) ($settings['key'] ?? ''));
        $timeout = $settings['timeout_ms'] ?? 800;
        $timeout = $timeout === '' ? 800 : $timeout;
        $onFailure = $settings['on_failure'] ?? '';
        $parts = parse_url($url) ?: [];
        $problems = [];
        if (!in_array($parts['scheme'] ?? '', ['http', 'https'], true) || ($parts['host'] ?? '') === '') {
            $problems[] = '`base_url` is not of the form `https://host`';
        } elseif (isset($parts['user']) || isset($parts['pass']) || isset($parts['query']) || isset($parts['fragment'])) {
            $problems[] = '`base_url` holds more than scheme, host, port and path';
        }
        if (!preg_match('/^[\x21-\x7e]{6,}$/D', $key)) {
            $problems[] = '`key` is not an API key';
        }
        if (!is_numeric($timeout) || $timeout < 50 || $timeout > 60000) {
            $problems[] = '`timeout_ms` is 50 to 60000';
        }
        if (!in_array($onFailure, Screening::OUTCOMES, true)) {
            $problems[] = '`on_failure` is `allow` (fail open), `review`, `verify` or `deny` (fail closed)';
        }
        if (!function_exists('curl_init')) {
            $problems[] = "PHP's curl extension is missing";
        }
        if ($problems) {
            throw new SettingsError('kycrisk: ' . implode('; ', $problems));
        }
        return new self(rtrim($url, '/') . '/v1/screenings', $key, $timeout / 1000, $onFailure);
    }

    private function __construct(
        string $url,
        #[\SensitiveParameter]
        string $key,
        float $timeout,
        string $onFailure
    ) {
        self::$keys[spl_object_id($this)] = $key;
        $this->url = $url;
        $this->timeout = $timeout;
        $this->onFailure = $onFailure;
    }

    public function __destruct()
    {
        unset(self::$keys[spl_object_id($this)]);
    }

    private function __clone()
    {
    }

    public function __serialize(): array
    {
        throw new \LogicException('a client is not written anywhere');
    }

    /**
     * The decision about a signup, as the server's API takes it, or the fallback.
     *
     * Without a key, the same account with the same signup has the same key: asked again, it gets the stored decision.
     */
    public function screen(array $signup, ?string $idempotencyKey = null): Screening
    {
        $until = hrtime(true) / 1e9 + $this->timeout;
        $signup = self::given($signup);
        $accountId = (string) ($signup['account_id'] ?? '');
        $body = json_encode(
            $signup,
            JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PRESERVE_ZERO_FRACTION
        );
        if ($body === false) {
            return $this->fallback('signup', 'the signup is not JSON');
        }
        $key = $idempotencyKey ?? substr(hash('sha256', $accountId), 0, 16) . '-' . hash('sha256', $body);
        $answer = $this->exchange($body, $key, $until);
        $broke = in_array($answer['error'], [CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING], true);
        if ($broke && $until - hrtime(true) / 1e9 > self::LEAST_FOR_RETRY) {
            $answer = $this->exchange($body, $key, $until);  // the key makes that harmless
        }
        return $this->judged($answer, $accountId);
    }

    private function judged(array $answer, string $accountId): Screening
    {
        if ($answer['tooLong']) {
            return $this->fallback('broken', 'the answer has more than ' . self::MAX_BYTES . ' bytes');
        }
        if ($answer['error'] === CURLE_OPERATION_TIMEOUTED) {
            return $this->fallback('timeout', 'no answer in time');
        }
        if ($answer['error'] !== 0) {
            return $this->fallback('unreachable', "the server cannot be reached (curl error {$answer['error']})");
        }
        if (!in_array($answer['status'], [200, 201], true)) {
            [$failure, $why] = self::STATUS[$answer['status']] ?? ['broken', "the server answers {$answer['status']}"];
            return $this->fallback($failure, $why);
        }
        return Screening::ofAnswer($answer['body'], $accountId)
            ?? $this->fallback('broken', 'the answer is not a decision about this account');
    }

    private function fallback(string $failure, string $why): Screening
    {
        $ofTheSignup = $this->onFailure === 'allow' && in_array($failure, self::OF_THE_SIGNUP, true);
        return Screening::failed($ofTheSignup ? 'review' : $this->onFailure, $failure, $why);
    }

    /** One request, within what is left of the time: name lookup, connecting, handshake and all. */
    private function exchange(string $body, string $idempotencyKey, float $until): array
    {
        $left = max(1, (int) (($until - hrtime(true) / 1e9) * 1000));
        $got = '';
        $tooLong = false;
        $curl = curl_init($this->url);
        curl_setopt_array($curl, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => [
                'Authorization: Bearer ' . self::$keys[spl_object_id($this)],
                'Content-Type: application/json',
                'Accept: application/json, application/problem+json',
                'Expect:',  // no waiting for `100 Continue`
                'Idempotency-Key: ' . $idempotencyKey,
                'Kycrisk-Deadline-Ms: ' . max(10, (int) ($left * self::SHARE)),
                'User-Agent: kycrisk-php',
            ],
            CURLOPT_TIMEOUT_MS => $left,
            CURLOPT_NOSIGNAL => true,  // timeouts under a second, https://curl.se/libcurl/c/CURLOPT_TIMEOUT_MS.html
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_PROXY => '',  // a proxy from the environment would get to see the key
            CURLOPT_WRITEFUNCTION => static function ($curl, string $chunk) use (&$got, &$tooLong): int {
                $got .= $chunk;
                $tooLong = strlen($got) > self::MAX_BYTES;
                return $tooLong ? 0 : strlen($chunk);
            },
        ]);
        curl_exec($curl);
        $answer = [
            'error' => curl_errno($curl),
            'status' => (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE),
            'body' => $got,
            'tooLong' => $tooLong,
        ];
        unset($curl);
        return $answer;
    }

    /** The signup without what was not given, its fields in order, so that the same signup has the same bytes. */
    private static function given(array $fields): array
    {
        $kept = [];
        foreach ($fields as $name => $value) {
            $value = is_array($value) ? self::given($value) : (is_string($value) ? trim($value) : $value);
            if ($value !== null && $value !== '' && $value !== []) {
                $kept[$name] = $value;
            }
        }
        ksort($kept);
        return $kept;
    }
}
