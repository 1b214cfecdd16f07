//! The predict API of the seeds: a calories regression, a sentinel classifier and the sentinel's score of card
//! transactions, all real functions of their input, and the rolling error of predictions whose truth came in.

use crate::answer::Answer;
use rt::Nanos;
use serde_json::{Map, Value, json};

/// The most instances in one request.
const MAX_INSTANCES: usize = 10_000;
/// The most features of one sentinel instance.
const MAX_FEATURES: usize = 10_000;
/// The anonymous components of a card transaction, `V1` to `V28`; beside them are its amount and its time.
const COMPONENTS: usize = 28;
const AMOUNT: usize = COMPONENTS;
const TIME: usize = COMPONENTS + 1;
const WINDOW_S: u64 = 300;

/// Squared log errors of the last 5 minutes, by second.
pub(crate) struct Quality {
    seconds: Vec<Second>,
}

#[derive(Clone, Copy)]
struct Second {
    second: u64,
    sum: f64,
    count: u64,
}

impl Quality {
    pub(crate) fn new() -> Quality {
        Quality { seconds: vec![Second { second: 0, sum: 0.0, count: 0 }; WINDOW_S as usize] }
    }

    fn observe(&mut self, now: Nanos, predicted: f64, actual: f64) {
        let second = now.0 / 1_000_000_000;
        let slot = &mut self.seconds[(second % WINDOW_S) as usize];
        if slot.second != second {
            *slot = Second { second, sum: 0.0, count: 0 };
        }
        slot.sum += (predicted.max(0.0).ln_1p() - actual.max(0.0).ln_1p()).powi(2);
        slot.count += 1;
    }

    /// Root mean squared logarithmic error over the window; `None` when no truth came in.
    pub(crate) fn rolling_rmsle(&self, now: Nanos) -> Option<f64> {
        let second = now.0 / 1_000_000_000;
        let recent = self.seconds.iter().filter(|s| second.saturating_sub(s.second) < WINDOW_S);
        let (sum, count) = recent.fold((0.0, 0), |(sum, n), s| (sum + s.sum, n + s.count));
        (count > 0).then(|| (sum / count as f64).sqrt())
    }
}

/// Answers `POST /predict`: one instance, `{"instances": […]}` or an array of them. Returns how many
/// predictions were made.
pub(crate) fn predict(body: &[u8], now: Nanos, quality: &mut Quality, answer: &mut Answer) -> u64 {
    let input: Value = match serde_json::from_slice(body) {
        Ok(input) => input,
        Err(e) => {
            answer.error(422, &format!("body is not JSON: {e}"));
            return 0;
        }
    };
    let many = match &input {
        Value::Array(items) => Some(items),
        Value::Object(fields) => fields.get("instances").and_then(Value::as_array),
        _ => None,
    };
    let instances = many.map_or_else(|| std::slice::from_ref(&input), Vec::as_slice);
    if instances.len() > MAX_INSTANCES {
        answer.error(422, &format!("{} instances, at most {MAX_INSTANCES}", instances.len()));
        return 0;
    }
    let mut predictions = Vec::with_capacity(instances.len());
    for instance in instances {
        match predict_one(instance, now, quality) {
            Ok(prediction) => predictions.push(prediction),
            Err(detail) => {
                return {
                    answer.error(422, &detail);
                    0
                };
            }
        }
    }
    let count = predictions.len() as u64;
    match (many, predictions.pop()) {
        (None, Some(only)) => answer.json(&only),
        (_, last) => {
            predictions.extend(last);
            answer.json(&json!({ "predictions": predictions, "count": count }));
        }
    }
    count
}

fn predict_one(instance: &Value, now: Nanos, quality: &mut Quality) -> Result<Value, String> {
    let features = instance.get("features").unwrap_or(instance);
    if let Value::Array(features) = features {
        return sentinel(features);
    }
    if !instance.is_object() {
        return Err("an instance is an object or an array of numbers".to_owned());
    }
    if let Some(fields) = features.as_object()
        && fields.keys().any(|name| slot(name).is_some_and(|slot| slot < COMPONENTS))
    {
        return transaction(fields);
    }
    let calories = calories(features)?;
    if let Some(actual) = field(instance, "actual").and_then(Value::as_f64) {
        quality.observe(now, calories, actual);
    }
    Ok(json!({ "prediction": calories, "unit": "kcal", "model": "calories-keytel-2005" }))
}

/// A logistic score with fixed weights.
fn sentinel(features: &[Value]) -> Result<Value, String> {
    if features.is_empty() || features.len() > MAX_FEATURES {
        return Err(format!("{} features, from 1 to {MAX_FEATURES}", features.len()));
    }
    let number = |(i, feature): (usize, &Value)| {
        feature.as_f64().ok_or_else(|| format!("features[{i}] is not a number"))
    };
    let features = features.iter().enumerate().map(number).collect::<Result<Vec<f64>, String>>()?;
    let score = logistic(weighed(&features));
    let class = u8::from(score > 0.5);
    Ok(json!({ "prediction": class, "score": score, "model": "sentinel-logistic" }))
}

/// The weighed sum over the root of the number of features; weight i is sin(i + 1).
fn weighed(features: &[f64]) -> f64 {
    let weighed = features.iter().enumerate().map(|(i, x)| (i as f64 + 1.0).sin() * x);
    weighed.sum::<f64>() / (features.len() as f64).sqrt()
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// How likely a card transaction, `{"time": 12345, "amount": 150.5, "V1": -1.35, …, "V28": 0.5}`, is a fraud: the
/// sentinel's score of its components, of the amount's logarithm and of the time of day, with an intercept that makes
/// frauds rare.
fn transaction(fields: &Map<String, Value>) -> Result<Value, String> {
    let mut slots = [None; COMPONENTS + 2];
    for (name, value) in fields {
        if let Some(slot) = slot(name) {
            let number = value.as_f64();
            slots[slot] = Some(number.ok_or_else(|| format!("field `{name}` is not a number"))?);
        }
    }
    let mut features = [0.0; COMPONENTS + 2];
    for (at, (feature, slot)) in features.iter_mut().zip(slots).enumerate() {
        *feature = slot.ok_or_else(|| match at {
            AMOUNT => "field `amount` is missing".to_owned(),
            TIME => "field `time` is missing".to_owned(),
            component => format!("field `V{}` is missing", component + 1),
        })?;
    }
    features[AMOUNT] = features[AMOUNT].max(0.0).ln_1p() / 10.0;
    features[TIME] = features[TIME].rem_euclid(86_400.0) / 86_400.0;
    let probability = logistic(4.0 * weighed(&features) - 5.0);
    let is_fraud = probability > 0.5;
    Ok(json!({
        "prediction": u8::from(is_fraud),
        "fraud_probability": probability,
        "is_fraud": is_fraud,
        "model": "sentinel-logistic",
    }))
}

/// Where a field of a transaction belongs among its features; in any case of letters.
fn slot(name: &str) -> Option<usize> {
    if name.eq_ignore_ascii_case("amount") {
        return Some(AMOUNT);
    }
    if name.eq_ignore_ascii_case("time") {
        return Some(TIME);
    }
    let number: usize = name.strip_prefix(['V', 'v'])?.parse().ok()?;
    (1..=COMPONENTS).contains(&number).then(|| number - 1)
}

/// Energy spent in exercise from heart rate, weight and age: L. R. Keytel et al., "Prediction of
/// energy expenditure from heart rate monitoring during submaximal exercise", J Sports Sci 23
/// (2005), in kJ a minute; 4.184 kJ are one kcal.
fn calories(instance: &Value) -> Result<f64, String> {
    let number = |name: &str, low: f64, high: f64| {
        let value = field(instance, name).ok_or_else(|| format!("field `{name}` is missing"))?;
        let value = value.as_f64().filter(|v| (low..=high).contains(v));
        value.ok_or_else(|| format!("field `{name}` is not a number from {low} to {high}"))
    };
    let age = number("age", 0.0, 150.0)?;
    let weight = number("weight", 0.0, 1000.0)?;
    let heart_rate = number("heart_rate", 0.0, 400.0)?;
    let minutes = number("duration", 0.0, 10_000.0)?;
    let sex = field(instance, "sex").or_else(|| field(instance, "gender"));
    let kj_per_minute = match sex.and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
        Some("male" | "m") => -55.0969 + 0.6309 * heart_rate + 0.1988 * weight + 0.2017 * age,
        Some("female" | "f") => -20.4022 + 0.4472 * heart_rate - 0.1263 * weight + 0.074 * age,
        _ => return Err("field `sex` is neither `male` nor `female`".to_owned()),
    };
    Ok((kj_per_minute / 4.184 * minutes).max(0.0))
}

/// A field by name in any case, `_` standing for a space too.
fn field<'a>(instance: &'a Value, name: &str) -> Option<&'a Value> {
    let same = |key: &str| key.replace(' ', "_").eq_ignore_ascii_case(name);
    instance.as_object()?.iter().find(|(key, _)| same(key)).map(|(_, value)| value)
}

/// Answers `POST /feedback`: `{"prediction": p, "actual": a}`, the truth of an earlier prediction.
pub(crate) fn feedback(body: &[u8], now: Nanos, quality: &mut Quality, answer: &mut Answer) {
    let input: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let number = |name| field(&input, name).and_then(Value::as_f64);
    match (number("prediction"), number("actual")) {
        (Some(predicted), Some(actual)) if predicted >= 0.0 && actual >= 0.0 => {
            quality.observe(now, predicted, actual);
            answer.json(&json!({ "rolling_rmsle_5m": quality.rolling_rmsle(now) }));
        }
        _ => answer.error(422, "`prediction` and `actual` must be numbers from 0 on"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNER: &str = r#"{"Sex":"male","Age":30,"Height":180,"Weight":80,"Duration":20,"Heart_Rate":120,"Body_Temp":40}"#;

    fn ask(body: &str) -> (u16, u64, Value) {
        let mut answer = Answer::new();
        let count = predict(body.as_bytes(), Nanos(0), &mut Quality::new(), &mut answer);
        (answer.status, count, serde_json::from_slice(&answer.body).unwrap())
    }

    #[test]
    fn predictions_are_functions_of_their_input() {
        let (status, count, body) = ask(RUNNER);
        // (−55.0969 + 0.6309·120 + 0.1988·80 + 0.2017·30) / 4.184 · 20
        assert_eq!((status, count), (200, 1));
        assert!((body["prediction"].as_f64().unwrap() - 203.470_8).abs() < 1e-3, "{body}");

        let (_, _, body) = ask(r#"{"features":[1,0]}"#);
        assert_eq!(body["prediction"], 1);
        let (_, _, body) = ask(r#"{"features":[-1,0]}"#);
        assert_eq!(body["prediction"], 0);
    }

    /// All components alike.
    fn card(component: f64, more: &str) -> String {
        let components: Vec<String> =
            (1..=COMPONENTS).map(|n| format!("\"V{n}\":{component}")).collect();
        format!("{{\"time\":12345,\"amount\":150.5,{}{more}}}", components.join(","))
    }

    #[test]
    fn card_transactions_have_a_probability_of_fraud() {
        let (status, count, ordinary) = ask(&card(0.0, ""));
        assert_eq!((status, count), (200, 1), "{ordinary}");
        assert_eq!((&ordinary["prediction"], &ordinary["is_fraud"]), (&json!(0), &json!(false)));
        // The weights of V1 to V28 add up to 1.9, so a common shift of all components moves the score.
        let probability = |body: &Value| body["fraud_probability"].as_f64().unwrap();
        let (_, _, unusual) = ask(&card(50.0, ""));
        assert_eq!(unusual["prediction"], 1, "{unusual}");
        assert!(probability(&ordinary) < 0.05 && probability(&unusual) > 0.9);
        let (_, _, same) = ask(&card(0.0, ",\"note\":\"x\""));
        assert_eq!(same, ordinary);
    }

    #[test]
    fn several_instances_come_back_in_order() {
        let (status, count, body) = ask(r#"[[1],{"features":[-1]}]"#);
        assert_eq!((status, count), (200, 2));
        assert_eq!(body["predictions"][0]["prediction"], 1);
        assert_eq!(body["predictions"][1]["prediction"], 0);
        let (_, count, body) = ask(&format!(r#"{{"instances":[{RUNNER}]}}"#));
        assert_eq!((count, body["count"].as_u64()), (1, Some(1)));
        assert_eq!(ask(r#"{"instances":[]}"#).1, 0);
    }

    #[test]
    fn wrong_input_is_named() {
        for (body, word) in [
            ("", "JSON"),
            ("{}", "age"),
            ("7", "instance"),
            (r#"{"features":[]}"#, "features"),
            (r#"{"features":[1,"x"]}"#, "features[1]"),
            (r#"{"age":"old"}"#, "age"),
            (r#"{"V1":1,"time":0,"amount":1}"#, "V2"),
            (r#"{"V1":"x"}"#, "V1"),
            (r#"{"age":3,"weight":3,"heart rate":3,"duration":3}"#, "sex"),
        ] {
            let (status, count, answer) = ask(body);
            assert_eq!((status, count), (422, 0), "{body}");
            assert!(answer["detail"].as_str().unwrap().contains(word), "{body}: {answer}");
        }
    }

    #[test]
    fn the_rolling_error_forgets_after_five_minutes() {
        let mut quality = Quality::new();
        let at = |s: u64| Nanos(s * 1_000_000_000);
        assert_eq!(quality.rolling_rmsle(at(0)), None);
        quality.observe(at(1), 1.0_f64.exp() - 1.0, 0.0);
        assert!((quality.rolling_rmsle(at(1)).unwrap() - 1.0).abs() < 1e-12);
        quality.observe(at(200), 5.0, 5.0);
        assert!((quality.rolling_rmsle(at(300)).unwrap() - 0.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(quality.rolling_rmsle(at(301)), Some(0.0));
        assert_eq!(quality.rolling_rmsle(at(501)), None);
    }
}
