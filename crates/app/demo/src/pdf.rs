//! One A4 sheet or two, laid out from blocks and written with the fonts that every PDF reader has.

use crate::metrics::{Face, encode, width, wrap};
use pdf_writer::{Content, Date, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

const PAGE_WIDTH: f32 = 595.0;
const PAGE_HEIGHT: f32 = 842.0;
const MARGIN: f32 = 56.0;
const ROOM: f32 = PAGE_WIDTH - 2.0 * MARGIN;
const FOOT: f32 = 72.0;
const INK: [f32; 3] = [0.10, 0.13, 0.17];
const SOFT: [f32; 3] = [0.38, 0.42, 0.47];
const ACCENT: [f32; 3] = [0.05, 0.36, 0.42];
const ALERT: [f32; 3] = [0.62, 0.12, 0.10];
const TINT: [f32; 3] = [0.94, 0.96, 0.97];
const REGULAR: Name = Name(b"F1");
const BOLD: Name = Name(b"F2");

/// What stands at the top of the first page, and around all of them.
pub(crate) struct Head<'a> {
    pub hospital: &'a str,
    pub hospital_lines: &'a [String],
    pub patient_lines: &'a [String],
    pub title: &'a str,
    pub subtitle: &'a str,
    /// One line repeated at the foot of each page.
    pub foot: &'a str,
    pub author: &'a str,
    /// Year, month, day written in the metadata.
    pub day: (i16, i8, i8),
}

/// A piece of the body.
pub(crate) enum Block {
    Heading(String),
    Paragraph(String),
    Table(Table),
    /// Pushed to the right.
    Signature(String),
    /// What follows begins on a new page.
    NewPage,
}

/// A table: each column has a title, a width in points, and whether it is set to the right.
pub(crate) struct Table {
    pub columns: Vec<(&'static str, f32, bool)>,
    /// Cells, and whether the row stands out.
    pub rows: Vec<(Vec<String>, bool)>,
}

/// Lays the sheet out and writes it.
pub(crate) fn write(head: &Head<'_>, blocks: &[Block]) -> Vec<u8> {
    let mut layout = Layout { pages: vec![Content::new()], y: PAGE_HEIGHT - MARGIN };
    layout.head(head);
    for block in blocks {
        layout.block(block);
    }
    layout.feet(head.foot);
    assemble(head, layout.pages)
}

struct Layout {
    pages: Vec<Content>,
    /// Where the next line's top is.
    y: f32,
}

impl Layout {
    fn page(&mut self) -> Option<&mut Content> {
        self.pages.last_mut()
    }

    fn text(&mut self, x: f32, y: f32, text: &str, face: Face, size: f32, color: [f32; 3]) {
        if let Some(page) = self.page() {
            show(page, x, y, text, face, size, color);
        }
    }

    fn rule(&mut self, y: f32, color: [f32; 3], thickness: f32) {
        self.fill(MARGIN, y, ROOM, thickness, color);
    }

    fn fill(&mut self, x: f32, y: f32, wide: f32, high: f32, color: [f32; 3]) {
        if let Some(page) = self.page() {
            page.set_fill_rgb(color[0], color[1], color[2]).rect(x, y, wide, high).fill_nonzero();
        }
    }

    /// Begins a page unless `height` points are left.
    fn need(&mut self, height: f32) {
        if self.y - height < FOOT {
            self.new_page();
        }
    }

    fn new_page(&mut self) {
        self.pages.push(Content::new());
        self.y = PAGE_HEIGHT - MARGIN;
    }

    fn lines(&mut self, x: f32, text: &str, face: Face, size: f32, color: [f32; 3], room: f32) {
        for line in wrap(text, face, size, room) {
            self.need(size * 1.45);
            self.y -= size * 1.45;
            self.text(x, self.y, &line, face, size, color);
        }
    }

    fn head(&mut self, head: &Head<'_>) {
        self.text(MARGIN, self.y - 14.0, head.hospital, Face::Bold, 15.0, ACCENT);
        self.y -= 18.0;
        for line in head.hospital_lines {
            self.y -= 12.0;
            self.text(MARGIN, self.y, line, Face::Regular, 8.5, SOFT);
        }
        self.y -= 10.0;
        self.rule(self.y, ACCENT, 1.2);
        let high = 16.0 + 14.0 * head.patient_lines.len() as f32;
        self.y -= 14.0 + high;
        self.fill(MARGIN, self.y, ROOM, high, TINT);
        let mut y = self.y + high - 6.0;
        for (index, line) in head.patient_lines.iter().enumerate() {
            y -= 13.5;
            let face = if index == 0 { Face::Bold } else { Face::Regular };
            self.text(MARGIN + 12.0, y, line, face, 9.5, INK);
        }
        self.y -= 20.0;
        self.lines(MARGIN, head.title, Face::Bold, 16.0, INK, ROOM);
        self.lines(MARGIN, head.subtitle, Face::Regular, 10.0, SOFT, ROOM);
        self.y -= 12.0;
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Heading(text) => {
                self.need(48.0);
                self.y -= 6.0;
                self.lines(MARGIN, text, Face::Bold, 11.5, ACCENT, ROOM);
                self.y -= 2.0;
            }
            Block::Paragraph(text) => {
                self.lines(MARGIN, text, Face::Regular, 10.5, INK, ROOM);
                self.y -= 7.0;
            }
            Block::Table(table) => self.table(table),
            Block::Signature(text) => {
                self.need(48.0);
                self.y -= 30.0;
                let x = PAGE_WIDTH - MARGIN - width(text, Face::Bold, 10.5);
                self.text(x, self.y, text, Face::Bold, 10.5, INK);
                self.y -= 8.0;
            }
            Block::NewPage => self.new_page(),
        }
    }

    fn table(&mut self, table: &Table) {
        self.need(60.0);
        self.y -= 16.0;
        let titles: Vec<String> = table.columns.iter().map(|(title, ..)| (*title).to_owned()).collect();
        self.row(table, &titles, Face::Bold, SOFT, 8.5);
        self.y -= 5.0;
        self.rule(self.y, SOFT, 0.6);
        for (index, (cells, stands_out)) in table.rows.iter().enumerate() {
            self.need(18.0);
            self.y -= 18.0;
            if index % 2 == 1 {
                self.fill(MARGIN, self.y - 5.5, ROOM, 18.0, TINT);
            }
            let (face, color) = if *stands_out { (Face::Bold, ALERT) } else { (Face::Regular, INK) };
            self.row(table, cells, face, color, 9.5);
        }
        self.y -= 10.0;
        self.rule(self.y, SOFT, 0.6);
        self.y -= 12.0;
    }

    fn row(&mut self, table: &Table, cells: &[String], face: Face, color: [f32; 3], size: f32) {
        let mut x = MARGIN + 4.0;
        for ((_, wide, to_the_right), cell) in table.columns.iter().zip(cells) {
            let shift = if *to_the_right { wide - 14.0 - width(cell, face, size) } else { 0.0 };
            self.text(x + shift, self.y, cell, face, size, color);
            x += wide;
        }
    }

    fn feet(&mut self, foot: &str) {
        let count = self.pages.len();
        for (index, page) in self.pages.iter_mut().enumerate() {
            let number = format!("Page {} / {count}", index + 1);
            page.set_fill_rgb(SOFT[0], SOFT[1], SOFT[2]).rect(MARGIN, 52.0, ROOM, 0.6).fill_nonzero();
            show(page, MARGIN, 38.0, foot, Face::Regular, 8.0, SOFT);
            let x = PAGE_WIDTH - MARGIN - width(&number, Face::Regular, 8.0);
            show(page, x, 38.0, &number, Face::Regular, 8.0, SOFT);
        }
    }
}

fn show(page: &mut Content, x: f32, y: f32, text: &str, face: Face, size: f32, color: [f32; 3]) {
    page.set_fill_rgb(color[0], color[1], color[2]);
    page.begin_text().set_font(if face == Face::Bold { BOLD } else { REGULAR }, size);
    page.next_line(x, y).show(Str(&encode(text))).end_text();
}

fn assemble(head: &Head<'_>, pages: Vec<Content>) -> Vec<u8> {
    let mut next = 0;
    let mut fresh = || {
        next += 1;
        Ref::new(next)
    };
    let (catalog, tree, regular, bold, info) = (fresh(), fresh(), fresh(), fresh(), fresh());
    let ids: Vec<(Ref, Ref)> = pages.iter().map(|_| (fresh(), fresh())).collect();
    let mut pdf = Pdf::new();
    let mut root = pdf.catalog(catalog);
    root.pages(tree).lang(TextStr("fr-FR"));
    root.viewer_preferences().display_doc_title(true);
    root.finish();
    let (year, month, day) = head.day;
    let made = Date::new(year.unsigned_abs()).month(month.unsigned_abs()).day(day.unsigned_abs());
    let mut about = pdf.document_info(info);
    about.title(TextStr(head.title)).author(TextStr(head.author)).creator(TextStr(head.hospital));
    about.creation_date(made);
    about.finish();
    pdf.pages(tree).kids(ids.iter().map(|(page, _)| *page)).count(i32::try_from(ids.len()).unwrap_or(i32::MAX));
    for ((page_id, content_id), content) in ids.into_iter().zip(pages) {
        let mut page = pdf.page(page_id);
        page.media_box(Rect::new(0.0, 0.0, PAGE_WIDTH, PAGE_HEIGHT)).parent(tree).contents(content_id);
        let mut resources = page.resources();
        resources.fonts().pair(REGULAR, regular).pair(BOLD, bold);
        resources.finish();
        page.finish();
        pdf.stream(content_id, &content.finish());
    }
    for (id, name) in [(regular, Name(b"Helvetica")), (bold, Name(b"Helvetica-Bold"))] {
        pdf.type1_font(id).base_font(name).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.finish()
}
