//! The multi-tenant trading API of the seeds: `/api/auth/login`, and with its bearer token `/api/portfolio`,
//! `/api/trades`, `/api/positions`, `/api/signals`. Five tenants with two users each; what one tenant trades no other
//! sees.

use crate::answer::Answer;
use crate::percent;
use crate::reader::Request;
use crate::route::Route;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest, Md5};
use serde_json::{Value, json};
use std::collections::VecDeque;

const TENANTS: usize = 5;
const USERS: usize = 2;
/// Every user's.
const PASSWORD: &str = "test123";
/// Trades a tenant keeps; the oldest go.
const MAX_TRADES: usize = 10_000;
/// Trades of one answer, unless `?limit=` asks for fewer or more.
const PAGE: usize = 50;
/// The most that `?limit=` may ask for.
const MAX_PAGE: usize = 500;
/// The largest quantity and price of a trade.
const MAX_AMOUNT: f64 = 1e9;
/// What every tenant starts with.
const START_CASH: f64 = 1_000_000.0;

/// What can be traded, with the price that positions are valued at.
const SYMBOLS: [(&str, f64); 8] = [
    ("AAPL", 189.5),
    ("MSFT", 415.25),
    ("GOOGL", 163.75),
    ("AMZN", 182.0),
    ("NVDA", 118.5),
    ("BTC-USD", 64_250.0),
    ("ETH-USD", 3_125.5),
    ("SPY", 552.75),
];

/// All tenants and who may see them.
pub(crate) struct Trading {
    /// Bearer tokens and the number of the tenant each is good for.
    tokens: Vec<(String, usize)>,
    tenants: Vec<Tenant>,
}

struct Tenant {
    name: String,
    cash: f64,
    /// By number of the symbol.
    positions: [Position; SYMBOLS.len()],
    trades: VecDeque<Trade>,
    /// Trades ever made, which is the newest one's number.
    n_trades: u64,
}

#[derive(Clone, Copy, Default)]
struct Position {
    quantity: f64,
    cost: f64,
}

#[derive(Clone, Copy)]
struct Trade {
    id: u64,
    symbol: usize,
    side: Side,
    quantity: f64,
    price: f64,
    at_unix_ms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Buy,
    Sell,
}

impl Trading {
    pub(crate) fn new() -> Trading {
        let mut tokens = Vec::new();
        for tenant in 0..TENANTS {
            for user in 0..USERS {
                tokens.push((token(&email(user, tenant)), tenant));
            }
        }
        Trading { tokens, tenants: (0..TENANTS).map(Tenant::new).collect() }
    }

    /// Answers one of the endpoints.
    pub(crate) fn answer(&mut self, request: &Request<'_>, route: Route, out: &mut Answer) {
        if route == Route::Login {
            return self.login(request.body, out);
        }
        let bearer = request.header("authorization").and_then(|text| text.strip_prefix("Bearer "));
        let found = bearer.and_then(|token| self.tokens.iter().find(|(have, _)| have == token));
        let Some((_, number)) = found else {
            let detail = if bearer.is_some() { "Invalid token" } else { "Not authenticated" };
            out.error(401, detail);
            return out.header("WWW-Authenticate", "Bearer");
        };
        let tenant = &mut self.tenants[*number];
        match route {
            Route::Portfolio => out.json(&tenant.portfolio()),
            Route::Positions => out.json(&tenant.positions()),
            Route::Signals => out.json(&tenant.signals()),
            _ if request.method() == b"POST" => tenant.trade(request.body, out),
            _ => tenant.list(request.path_and_query().1, out),
        }
    }

    fn login(&self, body: &[u8], out: &mut Answer) {
        let Ok(credentials) = serde_json::from_slice::<Value>(body) else {
            return out.error(422, "body is not JSON");
        };
        let text = |key: &str| credentials.get(key).and_then(Value::as_str);
        let (Some(email), Some(password)) = (text("email"), text("password")) else {
            return out.error(422, "`email` and `password` are required");
        };
        let token = token(email);
        if password == PASSWORD && self.tokens.iter().any(|(have, _)| *have == token) {
            out.json(&json!({ "access_token": token, "token_type": "bearer" }));
        } else {
            out.error(401, "Incorrect email or password");
        }
    }
}

fn email(user: usize, tenant: usize) -> String {
    format!("user{}@tenant{}.com", user + 1, tenant + 1)
}

/// In the form of a JSON web token. The signature is a digest with a fixed key: nothing here needs protecting.
fn token(email: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({ "alg": "MD5", "typ": "JWT" }));
    let body = part(&json!({ "sub": email }));
    let signature = Md5::digest(format!("squall demo {head}.{body}"));
    format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(signature))
}

impl Tenant {
    /// With some trades made already, others for each tenant.
    fn new(number: usize) -> Tenant {
        let mut tenant = Tenant {
            name: format!("tenant{}", number + 1),
            cash: START_CASH,
            positions: [Position::default(); SYMBOLS.len()],
            trades: VecDeque::new(),
            n_trades: 0,
        };
        for n in 0..20 {
            let symbol = (n * 3 + number) % SYMBOLS.len();
            let price = SYMBOLS[symbol].1 * (0.95 + 0.005 * n as f64);
            // About as much money each, whatever a share costs.
            let quantity = (20_000.0 / price * 100.0).round() / 100.0;
            tenant.enter(symbol, Side::Buy, quantity, price, 1_700_000_000_000 + n as u64 * 60_000);
        }
        tenant
    }

    fn enter(
        &mut self,
        symbol: usize,
        side: Side,
        quantity: f64,
        price: f64,
        at_unix_ms: u64,
    ) -> Trade {
        let sign = if side == Side::Buy { 1.0 } else { -1.0 };
        self.cash -= sign * quantity * price;
        let position = &mut self.positions[symbol];
        position.quantity += sign * quantity;
        position.cost += sign * quantity * price;
        self.n_trades += 1;
        let trade = Trade { id: self.n_trades, symbol, side, quantity, price, at_unix_ms };
        if self.trades.len() == MAX_TRADES {
            self.trades.pop_front();
        }
        self.trades.push_back(trade);
        trade
    }

    /// `POST /api/trades`.
    fn trade(&mut self, body: &[u8], out: &mut Answer) {
        let trade = match parse_trade(body) {
            Ok((symbol, side, quantity, price)) => {
                self.enter(symbol, side, quantity, price, rt::unix_nanos() / 1_000_000)
            }
            Err(detail) => return out.error(422, &detail),
        };
        out.status = 201;
        out.json(&trade.to_json(&self.name));
    }

    /// `GET /api/trades?limit=…&offset=…`: the newest first.
    fn list(&self, query: &str, out: &mut Answer) {
        let number = |key: &str, default: usize| {
            percent::value(query, key).map_or(Some(default), |text| text.parse().ok())
        };
        let (limit, offset) = (number("limit", PAGE), number("offset", 0));
        let (Some(limit), Some(offset)) = (limit.filter(|n| *n <= MAX_PAGE), offset) else {
            return out.error(422, &format!("`limit` is from 0 to {MAX_PAGE}, `offset` a number"));
        };
        let page = self.trades.iter().rev().skip(offset).take(limit);
        let trades: Vec<Value> = page.map(|trade| trade.to_json(&self.name)).collect();
        out.json(&json!({ "trades": trades, "total": self.n_trades }));
    }

    fn held(&self) -> impl Iterator<Item = (usize, &Position)> {
        self.positions.iter().enumerate().filter(|(_, position)| position.quantity != 0.0)
    }

    fn portfolio(&self) -> Value {
        let value: f64 = self.held().map(|(symbol, p)| p.quantity * SYMBOLS[symbol].1).sum();
        let cost: f64 = self.held().map(|(_, position)| position.cost).sum();
        json!({
            "tenant": self.name,
            "currency": "USD",
            "cash": cents(self.cash),
            "positions_value": cents(value),
            "total_value": cents(self.cash + value),
            "unrealized_pnl": cents(value - cost),
            "positions": self.held().count(),
            "trades": self.n_trades,
        })
    }

    fn positions(&self) -> Value {
        let positions: Vec<Value> = self
            .held()
            .map(|(symbol, position)| {
                let (name, price) = SYMBOLS[symbol];
                json!({
                    "symbol": name,
                    "quantity": position.quantity,
                    "average_price": cents(position.cost / position.quantity),
                    "price": price,
                    "value": cents(position.quantity * price),
                })
            })
            .collect();
        json!({ "tenant": self.name, "positions": positions })
    }

    /// One for each symbol: how far the tenant's average price is from the market's says what to do.
    fn signals(&self) -> Value {
        let signals: Vec<Value> = SYMBOLS
            .iter()
            .zip(&self.positions)
            .map(|((name, price), position)| {
                let average = if position.quantity == 0.0 {
                    *price
                } else {
                    position.cost / position.quantity
                };
                let score = (price - average) / price;
                let action = match score {
                    s if s > 0.01 => "sell",
                    s if s < -0.01 => "buy",
                    _ => "hold",
                };
                json!({ "symbol": name, "action": action, "strength": cents(score.abs() * 100.0) })
            })
            .collect();
        json!({ "tenant": self.name, "signals": signals })
    }
}

fn cents(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}

/// Symbol, side, quantity and price of `{"symbol": "AAPL", "side": "buy", "quantity": 1, "price": 190}`; without a
/// price the market's is taken.
fn parse_trade(body: &[u8]) -> Result<(usize, Side, f64, f64), String> {
    let order: Value =
        serde_json::from_slice(body).map_err(|error| format!("body is not JSON: {error}"))?;
    let text = |key: &str| order.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = text("symbol");
    let symbol = SYMBOLS.iter().position(|(have, _)| *have == name);
    let symbol = symbol.ok_or_else(|| format!("unknown `symbol`: `{name}`"))?;
    let side = match text("side").to_ascii_lowercase().as_str() {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        other => return Err(format!("`side` is `buy` or `sell`, not `{other}`")),
    };
    let amount = |key: &str, default: Option<f64>| {
        let given = order.get(key).map_or(default, Value::as_f64);
        given
            .filter(|amount| *amount > 0.0 && *amount <= MAX_AMOUNT)
            .ok_or_else(|| format!("`{key}` is not a number above 0 and up to {MAX_AMOUNT}"))
    };
    Ok((symbol, side, amount("quantity", None)?, amount("price", Some(SYMBOLS[symbol].1))?))
}

impl Trade {
    fn to_json(self, tenant: &str) -> Value {
        json!({
            "id": self.id,
            "tenant": tenant,
            "symbol": SYMBOLS[self.symbol].0,
            "side": if self.side == Side::Buy { "buy" } else { "sell" },
            "quantity": self.quantity,
            "price": cents(self.price),
            "executed_at_ms": self.at_unix_ms,
            "status": "filled",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(trading: &Trading, body: &str) -> (u16, Value) {
        let mut answer = Answer::new();
        trading.login(body.as_bytes(), &mut answer);
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    #[test]
    fn ten_users_can_log_in_and_nobody_else() {
        let trading = Trading::new();
        let mut tokens = Vec::new();
        for tenant in 1..=5 {
            for user in 1..=2 {
                let body =
                    format!(r#"{{"email":"user{user}@tenant{tenant}.com","password":"test123"}}"#);
                let (status, answer) = login(&trading, &body);
                assert_eq!((status, &answer["token_type"]), (200, &json!("bearer")));
                tokens.push(answer["access_token"].as_str().unwrap().to_owned());
            }
        }
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), 10);
        for (body, status) in [
            (r#"{"email":"user3@tenant1.com","password":"test123"}"#, 401),
            (r#"{"email":"user1@tenant6.com","password":"test123"}"#, 401),
            (r#"{"email":"user1@tenant1.com","password":"wrong"}"#, 401),
            (r#"{"email":"user1@tenant1.com"}"#, 422),
            ("email=x", 422),
        ] {
            assert_eq!(login(&trading, body).0, status, "{body}");
        }
    }

    #[test]
    fn trades_change_positions_and_cash_and_bad_ones_are_named() {
        let mut tenant = Tenant::new(0);
        let (cash, held) = (tenant.cash, tenant.positions[0].quantity);
        let mut post = |body: &str| {
            let mut answer = Answer::new();
            tenant.trade(body.as_bytes(), &mut answer);
            (answer.status, String::from_utf8(answer.body).unwrap())
        };
        let made = post(r#"{"symbol":"AAPL","side":"buy","quantity":2,"price":100}"#);
        assert_eq!(made.0, 201);
        assert!(made.1.contains("\"id\":21"), "{}", made.1);
        for (body, word) in [
            ("x", "JSON"),
            (r#"{"symbol":"NOPE","side":"buy","quantity":2}"#, "NOPE"),
            (r#"{"symbol":"AAPL","side":"hold","quantity":2}"#, "side"),
            (r#"{"symbol":"AAPL","side":"buy","quantity":-2}"#, "quantity"),
            (r#"{"symbol":"AAPL","side":"buy","quantity":2,"price":"x"}"#, "price"),
        ] {
            let (status, text) = post(body);
            assert!(status == 422 && text.contains(word), "{body}: {text}");
        }
        assert_eq!(tenant.cash, cash - 200.0);
        assert_eq!(tenant.positions[0].quantity, held + 2.0);
    }

    #[test]
    fn a_tenant_keeps_a_bounded_number_of_trades() {
        let mut tenant = Tenant::new(1);
        for n in 0..2 * MAX_TRADES as u64 {
            tenant.enter(1, Side::Sell, 1.0, 1.0, n);
        }
        assert_eq!(tenant.trades.len(), MAX_TRADES);
        assert_eq!(tenant.trades.back().unwrap().id, 20 + 2 * MAX_TRADES as u64);
    }
}
