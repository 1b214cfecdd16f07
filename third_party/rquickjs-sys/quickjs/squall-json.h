/* squall: JSON without tokens, for text that is right.
 *
 * Included by quickjs.c. What is not plain, an error above all, fails here without a word: the
 * caller then parses again with the parser above, which knows what to say.
 *
 * Objects are expected to have the keys that the last one under the same key had (elements of an
 * array: the last element). Where they do, a key costs one comparison and the object is made in
 * one step from that shape.
 */

typedef struct JSONFast {
    JSContext *ctx;
    const uint8_t *p, *end; /* a NUL follows */
    JSParseState ps;        /* for strings that are not plain ASCII */
} JSONFast;

static JSValue json_fast_value(JSONFast *s, JSAtom key);

static inline const uint8_t *json_fast_blank(const uint8_t *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
        p++;
    return p;
}

/* the first byte that is not printable ASCII, or a quote or a backslash, or the end */
static inline const uint8_t *json_fast_plain(const uint8_t *p, const uint8_t *end)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    while (end - p >= 8) {
        uint64_t w, quote, slash, bad;
        memcpy(&w, p, 8);
        quote = w ^ (ones * '"');
        slash = w ^ (ones * '\\');
        /* The lowest byte that is marked is right, those above may be borrowed from. */
        bad = (((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) |
               ((slash - ones) & ~slash) | w) & tops;
        if (bad)
            return p + __builtin_ctzll(bad) / 8;
        p += 8;
    }
#endif
    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

/* after the opening quote */
static JSValue json_fast_string(JSONFast *s)
{
    const uint8_t *p = s->p, *q = json_fast_plain(p, s->end);
    JSValue val;

    if (likely(*q == '"')) {
        s->p = q + 1;
        if (q == p)
            return JS_AtomToString(s->ctx, JS_ATOM_empty_string);
        return js_new_string8_len(s->ctx, (const char *)p, q - p);
    }
    if (json_parse_string(&s->ps, &p))
        return JS_EXCEPTION;
    s->p = p;
    val = s->ps.token.u.str.str;
    s->ps.token.val = ' ';
    return val;
}

/* After the opening quote. '*plain' is cleared if the key could not be compared with the text. */
static JSAtom json_fast_key(JSONFast *s, bool *plain)
{
    JSContext *ctx = s->ctx;
    const uint8_t *p = s->p, *q = json_fast_plain(p, s->end);
    size_t len = q - p;
    JSValue str;
    JSAtom atom;

    if (unlikely(*q != '"')) {
        *plain = false;
        str = json_fast_string(s);
        if (JS_IsException(str))
            return JS_ATOM_NULL;
        atom = JS_ValueToAtom(ctx, str);
        JS_FreeValue(ctx, str);
        return atom;
    }
    s->p = q + 1;
    if (len == 0)
        return JS_ATOM_empty_string;
    if (is_digit(*p)) {
        *plain = false;
        return JS_NewAtomLen(ctx, (const char *)p, len);
    }
    atom = __JS_FindAtom(ctx->rt, (const char *)p, len, JS_ATOM_TYPE_STRING);
    if (likely(atom != JS_ATOM_NULL))
        return atom;
    str = js_new_string8_len(ctx, (const char *)p, len);
    if (JS_IsException(str))
        return JS_ATOM_NULL;
    return __JS_NewAtom(ctx->rt, JS_VALUE_GET_STRING(str), JS_ATOM_TYPE_STRING);
}

/* The text after the closing quote if the text at 'p' is the name 'atom', which is plain; or NULL. */
static inline const uint8_t *json_fast_expect(JSONFast *s, JSAtom atom, const uint8_t *p)
{
    JSAtomStruct *a = s->ctx->rt->atom_array[atom];
    size_t len = a->len;

    if (unlikely(a->is_wide_char) || (size_t)(s->end - p) <= len || p[len] != '"' ||
        memcmp(p, str8(a), len))
        return NULL;
    return p + len + 1;
}

static JSValue json_fast_number(JSONFast *s, const uint8_t *p)
{
    static const double tens[] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    };
    const uint8_t *start = p, *digits;
    bool is_negative = *p == '-', is_whole = true;
    uint64_t m = 0;
    int n_digits, exp10 = 0;
    double d;

    p += is_negative;
    if (!is_digit(*p) || (*p == '0' && is_digit(p[1])))
        return JS_EXCEPTION;
    digits = p;
    while (is_digit(*p))
        m = m * 10 + (*p++ - '0');
    n_digits = min_int(p - digits, 100);
    if (*p == '.') {
        digits = ++p;
        if (!is_digit(*p))
            return JS_EXCEPTION;
        while (is_digit(*p))
            m = m * 10 + (*p++ - '0');
        exp10 = -min_int(p - digits, 100);
        n_digits -= exp10;
        is_whole = false;
    }
    if (*p == 'e' || *p == 'E') {
        bool is_small;
        int e = 0;
        p++;
        is_small = *p == '-';
        if (*p == '+' || *p == '-')
            p++;
        if (!is_digit(*p))
            return JS_EXCEPTION;
        for (; is_digit(*p); p++)
            e = min_int(e * 10 + (*p - '0'), 10000);
        exp10 += is_small ? -e : e;
        is_whole = false;
    }
    s->p = p;
    if (likely(is_whole && n_digits <= 10 && m <= INT32_MAX && !(is_negative && m == 0)))
        return js_int32(is_negative ? -(int32_t)m : (int32_t)m);
    /* Both factors are exact, so there is one rounding, the right one. */
    if (likely(n_digits <= 19 && m <= (UINT64_C(1) << 53) && exp10 >= -22 && exp10 <= 22)) {
        d = exp10 < 0 ? (double)m / tens[-exp10] : (double)m * tens[exp10];
        return js_float64(is_negative ? -d : d);
    }
    return js_float64(strtod((const char *)start, NULL));
}

/* after the opening bracket */
static JSValue json_fast_array(JSONFast *s, JSAtom key)
{
    JSContext *ctx = s->ctx;
    JSValue arr, el;
    JSObject *p;

    arr = JS_NewArray(ctx);
    if (JS_IsException(arr))
        return arr;
    p = JS_VALUE_GET_OBJ(arr);
    s->p = json_fast_blank(s->p);
    if (*s->p == ']') {
        s->p++;
        return arr;
    }
    for (;;) {
        el = json_fast_value(s, key);
        if (JS_IsException(el))
            goto fail;
        if (p->u.array.count >= p->u.array.u1.size &&
            expand_fast_array(ctx, p, max_uint32(4, p->u.array.count + 1))) {
            JS_FreeValue(ctx, el);
            goto fail;
        }
        p->u.array.u.values[p->u.array.count++] = el;
        s->p = json_fast_blank(s->p);
        if (*s->p == ']')
            break;
        if (*s->p != ',')
            goto fail;
        s->p++;
    }
    s->p++;
    p->prop[0].u.value = js_int32(p->u.array.count); /* the length */
    return arr;
 fail:
    JS_FreeValue(ctx, arr);
    return JS_EXCEPTION;
}

/* an object with the first 'n' properties of the shape */
static JSValue json_fast_partial(JSContext *ctx, JSShape *sh, JSProperty *values, uint32_t n)
{
    JSValue obj = JS_NewObject(ctx);
    uint32_t i;

    for (i = 0; i < n; i++) {
        if (JS_IsException(obj)) {
            JS_FreeValue(ctx, values[i].u.value);
        } else if (JS_DefinePropertyValue(ctx, obj, get_shape_prop(sh)[i].atom,
                                          values[i].u.value, JS_PROP_C_W_E) < 0) {
            JS_FreeValue(ctx, obj);
            obj = JS_EXCEPTION;
        }
    }
    return obj;
}

static void json_fast_remember(JSRuntime *rt, JSShape **place, JSShape *sh)
{
    JSShape *old = *place;

    if (old == sh || !sh->is_hashed || sh->proto != rt->kept_shape_proto ||
        sh->prop_count > JS_KEPT_SHAPE_MAX_PROPS)
        return;
    *place = js_dup_shape(sh);
    js_free_shape_null(rt, old);
}

/* after the opening brace */
static JSValue json_fast_object(JSONFast *s, JSAtom key)
{
    JSContext *ctx = s->ctx;
    JSRuntime *rt = ctx->rt;
    JSShape **place = &rt->json_shapes[key % JS_JSON_SHAPES];
    JSShape *sh = *place; /* what is expected; NULL: nothing any more */
    JSProperty values[JS_KEPT_SHAPE_MAX_PROPS];
    JSValue obj = JS_UNDEFINED, val;
    const uint8_t *p, *q;
    uint32_t n = 0; /* values that came as expected */
    bool plain = true;

    p = json_fast_blank(s->p);
    if (*p == '}') {
        s->p = p + 1;
        return JS_NewObject(ctx);
    }
    if (sh && sh->proto == JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_OBJECT])) {
        js_dup_shape(sh); /* values may replace it */
    } else {
        sh = NULL;
        obj = JS_NewObject(ctx);
        if (JS_IsException(obj))
            return obj;
    }
    for (;;) {
        JSAtom atom;

        if (*p != '"')
            goto fail;
        p++;
        if (sh) {
            if (n < sh->prop_count) {
                atom = get_shape_prop(sh)[n].atom;
                q = json_fast_expect(s, atom, p);
                if (likely(q)) {
                    q = json_fast_blank(q);
                    if (*q != ':')
                        goto fail;
                    s->p = q + 1;
                    val = json_fast_value(s, atom);
                    if (JS_IsException(val))
                        goto fail;
                    values[n++].u.value = val;
                    goto next;
                }
            }
            obj = json_fast_partial(ctx, sh, values, n);
            n = 0;
            js_free_shape(rt, sh);
            sh = NULL;
            if (JS_IsException(obj))
                return obj;
        }
        s->p = p;
        atom = json_fast_key(s, &plain);
        if (atom == JS_ATOM_NULL)
            goto fail;
        s->p = json_fast_blank(s->p);
        if (*s->p != ':') {
            JS_FreeAtom(ctx, atom);
            goto fail;
        }
        s->p++;
        val = json_fast_value(s, atom);
        if (JS_IsException(val)) {
            JS_FreeAtom(ctx, atom);
            goto fail;
        }
        if (JS_DefinePropertyValue(ctx, obj, atom, val, JS_PROP_C_W_E) < 0) {
            JS_FreeAtom(ctx, atom);
            goto fail;
        }
        JS_FreeAtom(ctx, atom);
    next:
        p = json_fast_blank(s->p);
        if (*p == '}')
            break;
        if (*p != ',')
            goto fail;
        p = json_fast_blank(p + 1);
    }
    s->p = p + 1;
    if (sh) {
        if (likely(n == sh->prop_count))
            return JS_NewObjectFromShape(ctx, sh, JS_CLASS_OBJECT, values);
        obj = json_fast_partial(ctx, sh, values, n);
        js_free_shape(rt, sh);
        if (JS_IsException(obj))
            return obj;
    }
    if (plain)
        json_fast_remember(rt, place, JS_VALUE_GET_OBJ(obj)->shape);
    return obj;
 fail:
    while (n > 0)
        JS_FreeValue(ctx, values[--n].u.value);
    js_free_shape_null(rt, sh);
    JS_FreeValue(ctx, obj);
    return JS_EXCEPTION;
}

/* 'key' is the one the value is under */
static JSValue json_fast_value(JSONFast *s, JSAtom key)
{
    const uint8_t *p = json_fast_blank(s->p);

    switch (*p) {
    case '"':
        s->p = p + 1;
        return json_fast_string(s);
    case '{':
    case '[':
        if (js_check_stack_overflow(s->ctx->rt, 1000))
            return JS_EXCEPTION;
        s->p = p + 1;
        return *p == '{' ? json_fast_object(s, key) : json_fast_array(s, key);
    case '-':
    case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9':
        return json_fast_number(s, p);
    case 't':
        if (p[1] == 'r' && p[2] == 'u' && p[3] == 'e') {
            s->p = p + 4;
            return JS_TRUE;
        }
        return JS_EXCEPTION;
    case 'f':
        if (p[1] == 'a' && p[2] == 'l' && p[3] == 's' && p[4] == 'e') {
            s->p = p + 5;
            return JS_FALSE;
        }
        return JS_EXCEPTION;
    case 'n':
        if (p[1] == 'u' && p[2] == 'l' && p[3] == 'l') {
            s->p = p + 4;
            return JS_NULL;
        }
        return JS_EXCEPTION;
    default:
        return JS_EXCEPTION;
    }
}

/* JS_UNINITIALIZED, and no exception, if the text is for the other parser. */
static JSValue json_parse_fast(JSContext *ctx, const char *buf, size_t buf_len)
{
    JSONFast s;
    JSValue val;

    js_parse_init(ctx, &s.ps, buf, buf_len, "<input>", 1);
    s.ctx = ctx;
    s.p = (const uint8_t *)buf;
    s.end = s.p + buf_len;
    val = json_fast_value(&s, JS_ATOM_NULL);
    if (likely(!JS_IsException(val))) {
        if (likely(json_fast_blank(s.p) == s.end))
            return val;
        JS_FreeValue(ctx, val);
    }
    if (JS_HasException(ctx))
        JS_FreeValue(ctx, JS_GetException(ctx));
    return JS_UNINITIALIZED;
}
