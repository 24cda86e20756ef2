//! What the door answered, and the forms read from it.

use axum::http::{HeaderMap, StatusCode, header};

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The value of a form's field.
    pub fn field(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (_, after) = text.split_once(&format!("name=\"{name}\" value=\""))?;
        after.split('"').next().map(str::to_owned)
    }

    /// Where a form that holds a field is posted.
    pub fn action_of(&self, field: &str) -> String {
        let text = self.text();
        let form = text.split("<form").skip(1).map(|form| form.split("</form>").next().unwrap());
        let form = form.filter(|form| form.contains(&format!("name=\"{field}\""))).last().unwrap();
        let (_, after) = form.split_once("action=\"").unwrap();
        after.split('"').next().unwrap().to_owned()
    }

    /// `name=value` of the cookie that the answer sets, if it gives one.
    pub fn cookie(&self) -> Option<String> {
        let set = self.headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pair = set.filter_map(|value| value.split(';').next()).find(|pair| !pair.ends_with('='))?;
        Some(pair.to_owned())
    }

    /// The body without the incident's reference, and its length: what two answers may be compared by.
    pub fn blanked(&self) -> (StatusCode, String) {
        let text = self.text();
        let Some((before, after)) = text.split_once("<p class=\"reference\">") else { return (self.status, text) };
        let (reference, after) = after.split_once("</p>").unwrap();
        (self.status, format!("{before}[{}]{after}", reference.len()))
    }

    /// The header's names and values, without those that change with every answer.
    pub fn frame(&self) -> Vec<(String, String)> {
        let all = self.headers.iter();
        let mut all: Vec<_> = all.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
        all.sort();
        all
    }
}
