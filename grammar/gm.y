/* The syntax of the language, and nothing else: actions build the tree of compiler/text/ast.h (TREE), everything that needs
   thought is a call into compiler/text/parse.c. Tokens come through compiler/text/token.c, which says whether a bracket opens
   a call, an index or a block, and emits RESYNC where parsing goes on after a mistake.
   Invariant: no conflicts (%expect 0); the stacks are fixed arrays, so a parse never allocates but for the tree. */

%require "3.8"
%define api.pure full
%define api.prefix {gm_}
%define api.token.prefix {TOKEN_}
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%define parse.lac.es-capacity-initial {STACK_LIMIT}
%locations
%expect 0
%param {Parser *p}

%code requires {
#include "text/parse.h"
}

%code {
#define YYINITDEPTH STACK_LIMIT
#define YYMAXDEPTH STACK_LIMIT
#define YYMALLOC(size) ((void)(size), (void *)0) /* never reached: the stacks do not grow */
#define YYFREE(memory) ((void)(memory))
#define YYLLOC_DEFAULT(result, right, n)                                                      \
  ((result) = (n) ? (Span){p->file, YYRHSLOC(right, 1).begin, YYRHSLOC(right, n).end}         \
                  : (Span){p->file, YYRHSLOC(right, 0).end, YYRHSLOC(right, 0).end})

#define TREE(KIND, WHERE, ...) parser_tree(p, (Ast){.kind = AST_##KIND, .span = (WHERE), __VA_ARGS__})
#define OPERATOR(KIND, TEXT, A, B, WHERE) TREE(KIND, WHERE, .text = (TEXT), .a = (A), .b = (B))

int gm_lex(GM_STYPE *value, Span *where, Parser *p);
static void gm_error(const Span *where, Parser *p, const char *message);
}

%union {
  const char *name;
  double number;
  int flag;
  Ast *tree;
  AstList list;
}

/* what kind of text follows */
%token START_FILE START_EXPRESSION START_PRIOR
/* items, from `model` to `show` in one run: token.c asks for the range */
%token MODEL "model" USE "use" PARAM "param" LET "let" DATA "data" PARAMETER "parameter" SHARED "shared" PRIOR "prior"
%token ENCODER "encoder" DECODER "decoder" GENERATOR "generator" DISCRIMINATOR "discriminator" NET "net"
%token BLOCK "block" FUNCTION "function" DISTRIBUTION "distribution" KL "kl" OPTIMIZER "optimizer" SOURCE "source"
%token AVERAGE "average" BIJECTOR "bijector" ESTIMATOR "estimator" SUPPORT "support" MARGINAL "marginal" POSTERIOR "posterior"
%token OBJECTIVE "objective" METRIC "metric" EXPECT "expect" TRAIN "train" SHOW "show"
/* parts of items and statements, from `maximize` to `plot` in one run */
%token FROM "from" MISSING "missing" IN "in" ON "on" AUTOREGRESSIVE "autoregressive" OVER "over" BY "by" WITH "with" WHERE "where"
%token MAXIMIZE "maximize" MINIMIZE "minimize" REPEAT "repeat" EVERY "every" WHEN "when" WEIGHT "weight" STATE "state" GRID "grid" PRINT "print" PLOT "plot"
/* expressions */
%token IF "if" THEN "then" ELSE "else" MIXTURE "mixture" LOG "log" MEAN "mean" DRAW "draw" EACH "each"
%token <name> NAME "name" STRING "string"
%token <number> NUMBER "number"
%token PIPE "|>" BARS "||" UPDATE "<-" RANGE ".." LESS_EQUAL "<=" GREATER_EQUAL ">=" EQUAL "==" UNEQUAL "!="
/* brackets told apart by token.c: f( of a call, a[ of an index, { of a block that an expression precedes, { of a set */
%token CALL_OPEN INDEX_OPEN BLOCK_OPEN SET_OPEN
/* after a mistake: parsing goes on here; a bracket is not closed */
%token RESYNC UNCLOSED

%precedence EXPRESSION
%precedence ELSE
%left PIPE
%nonassoc RANGE
%nonassoc '<' LESS_EQUAL '>' GREATER_EQUAL EQUAL UNEQUAL
%left '+' '-'
%left '*' '/' '@'
%precedence NEGATIVE
%right '^'

%type <name> id net_word pair_word member_name limit
%type <flag> goal autoregressive
%type <list> items item bindings columns parameters priors names over_names formals formals_opt formal_list
%type <list> members map_members titems statements statement_open statement_closed where where_list weights states
%type <list> dims_opt expressions indices arguments argument_list binders
%type <tree> estimator
%type <tree> network binding column variable parameter constraint_opt constraint support formal member definition titem
%type <tree> titem_open
%type <tree> map_body map_member phases body block contents where_statement weight state name_node argument binder
%type <tree> expression index arithmetic prefix operand postfix call primary mixture_over

%start text

%%

text:
    START_FILE items                        { (void)$2; }
  | START_EXPRESSION expression             { p->result = $2; }
  | START_PRIOR variable '~' expression     { p->result = TREE(PRIOR, @$, .a = $2, .b = $4); }
  ;

/* ---- items ---- */

items:
    %empty                                  { $$ = ast_list(NULL); }
  | items item                              { parser_items(p, $2); $$ = $1; }
  ;

item:
    MODEL id                                { $$ = ast_list(TREE(MODEL, @$, .name = $2)); }
  | USE STRING                              { $$ = ast_list(TREE(USE, @$, .name = $2)); }
  | USE STRING WITH STRING                  {
      report(p->sources, E0218, @3);
      $$ = ast_list(TREE(USE, @$, .name = $2));
    }
  | USE names FROM STRING                   { $$ = ast_list(TREE(USE, @$, .name = $4, .a = $2.first)); }
  | USE names FROM STRING WITH STRING       { $$ = ast_list(TREE(USE, @$, .name = $4, .a = $2.first, .text = $6)); }
  | PARAM bindings                          { $$ = ast_retag($2, AST_PARAM); }
  | LET bindings                            { $$ = ast_retag($2, AST_LET); }
  | DATA columns FROM expression            { $$ = ast_list(TREE(DATA, @$, .a = $2.first, .b = $4)); }
  | PARAMETER parameters                    { $$ = $2; }
  | PRIOR priors                            { $$ = $2; }
  | SHARED PRIOR priors                     { $$ = ast_flag($3, 1); }
  | PRIOR variable '=' expression           {
      report(p->sources, E0117, @3);
      $$ = ast_list(TREE(PRIOR, @$, .a = $2, .b = $4));
    }
  | network                                 { $$ = ast_list($1); }
  | FUNCTION id formals constraint_opt definition {
      $$ = ast_list(TREE(FUNCTION, @$, .name = $2, .a = $3.first, .b = $4, .c = $5));
    }
  | BLOCK id formals constraint_opt definition {
      $$ = ast_list(TREE(FUNCTION, @$, .name = $2, .a = $3.first, .b = $4, .c = $5, .flag = 1));
    }
  | DISTRIBUTION id formals ON support BLOCK_OPEN members '}' {
      $$ = ast_list(TREE(DISTRIBUTION, @$, .name = $2, .a = $3.first, .b = $5, .c = $7.first));
    }
  | DISTRIBUTION id formals '=' expression {
      Ast *is = TREE(MEMBER, @5, .name = "=", .c = TREE(BODY, @5, .b = $5));
      $$ = ast_list(TREE(DISTRIBUTION, @$, .name = $2, .a = $3.first, .c = is));
    }
  | ESTIMATOR id formals_opt map_body       { $$ = ast_list(TREE(ESTIMATOR, @$, .name = $2, .a = $3.first, .c = $4)); }
  | BIJECTOR id dims_opt formals_opt map_body {
      $$ = ast_list(TREE(BIJECTOR, @$, .name = $2, .a = $4.first, .b = $3.first, .c = $5));
    }
  | SUPPORT id dims_opt formals_opt '{' members '}' {
      $$ = ast_list(TREE(SUPPORT, @$, .name = $2, .a = $4.first, .b = $3.first, .c = $6.first));
    }
  | KL CALL_OPEN call BARS call ')' definition {
      $$ = ast_list(TREE(KL, @$, .a = parser_pattern(p, $3, E0112), .b = parser_pattern(p, $5, E0112), .c = $7));
    }
  | pair_word CALL_OPEN id '~' call OVER id '~' call ')' definition {
      $$ = ast_list(parser_pair(p, TREE(RULE, @$, .name = $1, .a = $5, .b = $9, .c = $11), $3, $7));
    }
  | OPTIMIZER id formals body               { $$ = ast_list(TREE(OPTIMIZER, @$, .name = $2, .a = $3.first, .c = $4)); }
  | AVERAGE id formals body                 { $$ = ast_list(TREE(AVERAGE, @$, .name = $2, .a = $3.first, .c = $4)); }
  | SOURCE NAME formals_opt definition      { $$ = ast_list(TREE(SOURCE, @$, .name = $2, .a = $3.first, .c = $4)); }
  | OBJECTIVE id formals_opt body           { $$ = ast_list(TREE(OBJECTIVE, @$, .name = $2, .a = $3.first, .c = $4)); }
  | METRIC id definition                    { $$ = ast_list(TREE(METRIC, @$, .name = $2, .c = $3)); }
  | METRIC id EVERY NUMBER definition {
      $$ = ast_list(TREE(METRIC, @$, .name = $2, .a = TREE(NUMBER, @4, .number = $4), .c = $5));
    }
  | EXPECT expression                       { $$ = ast_list(TREE(EXPECT, @$, .a = $2)); }
  | EXPECT expression id arithmetic id      {
      parser_after(p, $3, @3, $5, @5);
      $$ = ast_list(TREE(EXPECT, @$, .a = $2, .b = $4));
    }
  | TRAIN phases                            { $$ = ast_list($2); $2->span = @$; }
  | SHOW id body                            { $$ = ast_list(TREE(SHOW, @$, .name = $2, .c = $3)); }
  | error RESYNC                            { $$ = ast_list(TREE(ERROR, @$)); yyerrok; }
  ;

/* an item; or a statement: a network of the body's own, with weights of its own wherever the body is applied */
network:
    net_word id open names ')' autoregressive body {
      $$ = TREE(NET, @$, .text = $1, .name = $2, .a = $4.first, .c = $7, .flag = $6);
    }
  | net_word id open names '|' names ')' autoregressive body {
      $$ = TREE(NET, @$, .text = $1, .name = $2, .a = $4.first, .b = $6.first, .c = $9, .flag = $8);
    }
  ;

pair_word:
    MARGINAL                                { $$ = "marginal"; }
  | POSTERIOR                               { $$ = "posterior"; }
  ;

net_word:
    ENCODER                                 { $$ = "encoder"; }
  | DECODER                                 { $$ = "decoder"; }
  | GENERATOR                               { $$ = "generator"; }
  | DISCRIMINATOR                           { $$ = "discriminator"; }
  | NET                                     { $$ = "net"; }
  ;

/* as AST_NET has it */
autoregressive:
    %empty                                  { $$ = 0; }
  | AUTOREGRESSIVE                          { $$ = 1; }
  | AUTOREGRESSIVE OVER id                  { $$ = parser_order(p, $3, @3); }
  ;

id: NAME                                    { $$ = parser_plain(p, $1, @1); } ;
open: '(' | CALL_OPEN ;
name_node: id                               { $$ = TREE(NAME, @$, .name = $1); } ;

names:
    name_node                               { $$ = ast_list($1); }
  | names ',' name_node                     { $$ = ast_append($1, $3); }
  ;

bindings:
    binding                                 { $$ = ast_list($1); }
  | bindings ',' binding                    { $$ = ast_append($1, $3); }
  ;

binding: id '=' expression                  { $$ = TREE(PARAM, @$, .name = $1, .a = $3); } ;

columns:
    column                                  { $$ = ast_list($1); }
  | columns ',' column                      { $$ = ast_append($1, $3); }
  ;

column:
    variable
  | variable MISSING                        { $$ = $1; $$->span = @$; $$->flag |= 2; }
  ;

variable:
    id dims_opt constraint_opt              { $$ = TREE(VARIABLE, @$, .name = $1, .a = $2.first, .b = $3); }
  | id dims_opt ':' support                 { $$ = TREE(VARIABLE, @$, .name = $1, .a = $2.first, .b = $4, .flag = 1); }
  ;

priors:
    variable '~' expression                 { $$ = ast_list(TREE(PRIOR, @$, .a = $1, .b = $3)); }
  | priors ',' variable '~' expression      {
      Span where = {p->file, @3.begin, @5.end};
      $$ = ast_append($1, TREE(PRIOR, where, .a = $3, .b = $5));
    }
  ;

parameters:
    parameter                               { $$ = ast_list($1); }
  | parameters ',' parameter                { $$ = ast_append($1, $3); }
  ;

parameter:
    id dims_opt constraint_opt              { $$ = TREE(PARAMETER, @$, .name = $1, .a = $2.first, .b = $3); }
  | id dims_opt constraint_opt '=' expression {
      $$ = TREE(PARAMETER, @$, .name = $1, .a = $2.first, .b = $3, .c = $5);
    }
  | id dims_opt constraint_opt '~' expression {
      $$ = TREE(PARAMETER, @$, .name = $1, .a = $2.first, .b = $3, .c = $5, .flag = 1);
    }
  ;

dims_opt:
    %empty                                  { $$ = ast_list(NULL); }
  | INDEX_OPEN expressions ']'              { $$ = $2; }
  ;

constraint_opt: %empty { $$ = NULL; } | constraint ;
constraint: IN support { $$ = $2; } | ON support { $$ = $2; } ;

support:
    NAME                                    { $$ = TREE(NAME, @$, .name = $1); }
  | NAME INDEX_OPEN expressions ']'         {
      Ast *name = TREE(NAME, @1, .name = $1);
      $$ = TREE(INDEX, @$, .a = name, .b = $3.first);
    }
  | NAME CALL_OPEN arguments ')'            {
      Ast *name = TREE(NAME, @1, .name = $1);
      $$ = TREE(CALL, @$, .a = name, .b = parser_unbound(p, $3).first);
    }
  | '[' expressions ']'                     { $$ = TREE(LIST, @$, .a = $2.first); }
  | SET_OPEN expressions '}'                { $$ = TREE(SET, @$, .a = $2.first); }
  | IF expression THEN support ELSE support { $$ = TREE(IF, @$, .a = $2, .b = $4, .c = $6); }
  ;

formals_opt: %empty { $$ = ast_list(NULL); } | formals ;

formals:
    open ')'                                { $$ = ast_list(NULL); }
  | open formal_list ')'                    { $$ = $2; }
  ;

formal_list:
    formal                                  { $$ = ast_list($1); }
  | formal_list ',' formal                  { $$ = ast_append($1, $3); }
  ;

formal:
    id dims_opt                             { $$ = TREE(FORMAL, @$, .name = $1, .c = $2.first); }
  | id dims_opt constraint                  { $$ = TREE(FORMAL, @$, .name = $1, .c = $2.first, .text = "in", .b = $3); }
  | id dims_opt constraint ':' arithmetic   {
      $$ = TREE(FORMAL, @$, .name = $1, .c = $2.first, .a = $5, .text = "in", .b = $3);
    }
  | id dims_opt limit arithmetic            { $$ = TREE(FORMAL, @$, .name = $1, .c = $2.first, .text = $3, .b = $4); }
  | id dims_opt ':' arithmetic              { $$ = TREE(FORMAL, @$, .name = $1, .c = $2.first, .a = $4); }
  | id dims_opt ':' arithmetic limit arithmetic {
      $$ = TREE(FORMAL, @$, .name = $1, .c = $2.first, .a = $4, .text = $5, .b = $6);
    }
  | id '=' arithmetic                       {
      parser_colon(p, $1, @2);
      $$ = TREE(FORMAL, @$, .name = $1, .a = $3);
    }
  ;

limit:
    '<'                                     { $$ = "<"; }
  | '>'                                     { $$ = ">"; }
  | LESS_EQUAL                              { $$ = "<="; }
  | GREATER_EQUAL                           { $$ = ">="; }
  ;

members:
    %empty                                  { $$ = ast_list(NULL); }
  | members member                          { $$ = ast_append($1, $2); }
  | members error RESYNC                    { $$ = $1; yyerrok; }
  ;

member:
    member_name definition                  { $$ = TREE(MEMBER, @$, .name = $1, .c = $2); }
  | member_name open names ')' definition   { $$ = TREE(MEMBER, @$, .name = $1, .a = $3.first, .c = $5); }
  | mixture_over                            { $$ = TREE(MEMBER, @$, .name = "mixture", .c = TREE(BODY, @$, .b = $1)); }
  | MIXTURE CALL_OPEN arguments ')' body    {
      Ast *mixture = parser_aggregate(p, parser_call(p, TREE(NAME, @1, .name = "mixture"), $3, @$), $5, @$);
      $$ = TREE(MEMBER, @$, .name = "mixture", .c = TREE(BODY, @$, .b = mixture));
    }
  ;

map_body: '{' map_members '}'               { $$ = TREE(BODY, @$, .a = $2.first); } ;

map_members:
    %empty                                  { $$ = ast_list(NULL); }
  | map_members map_member                  { $$ = ast_append($1, $2); }
  | map_members WEIGHT weights              { $$ = ast_join($1, $3); }
  | map_members error RESYNC                { $$ = $1; yyerrok; }
  ;

map_member:
    id open names ')' definition            { $$ = TREE(MEMBER, @$, .name = $1, .a = $3.first, .c = $5); }
  | network
  ;

member_name: id | LOG { $$ = "log"; } | MEAN { $$ = "mean"; } | DRAW { $$ = "draw"; } ;

/* what a thing is: an expression, or a body */
definition:
    '=' expression                          { $$ = TREE(BODY, @2, .b = $2); }
  | '=' expression where                    { $$ = TREE(BODY, @$, .a = $3.first, .b = $2); }
  | body
  ;

where: WHERE where_list                     { $$ = $2; } ;

where_list:
    where_statement                         { $$ = ast_list($1); }
  | where_list ',' where_statement          { $$ = ast_append($1, $3); }
  ;

where_statement:
    expressions '=' expression              { $$ = TREE(ASSIGN, @$, .a = parser_names(p, $1), .b = $3); }
  | expressions '~' expression              { $$ = TREE(DRAW, @$, .a = parser_variables(p, $1), .b = $3); }
  ;

/* ---- train ---- */

phases:
    '{' titems '}'                          { $$ = TREE(TRAIN, @$, .a = $2.first); }
  | '{' titems '}' THEN phases              { $$ = TREE(TRAIN, @$, .a = $2.first, .b = $5); }
  ;

titems:
    %empty                                  { $$ = ast_list(NULL); }
  | titems titem                            { $$ = ast_append($1, $2); }
  | titems titem ','                        { $$ = ast_append($1, $2); }
  | titems titem_open                       { $$ = ast_append($1, $2); }
  | titems error RESYNC                     { $$ = $1; yyerrok; }
  ;

titem:
    goal id OVER over_names WITH expression {
      $$ = TREE(STEP, @$, .name = $2, .b = $4.first, .c = $6, .flag = $1);
    }
  | goal id CALL_OPEN arguments ')' OVER over_names WITH expression {
      $$ = TREE(STEP, @$, .name = $2, .a = parser_unbound(p, $4).first, .b = $7.first, .c = $9, .flag = $1);
    }
  | id OVER over_names WITH expression      { $$ = parser_em(p, $1, $3.first, $5, @$); }
  | REPEAT expression BLOCK_OPEN titems '}' { $$ = TREE(REPEAT, @$, .a = $2, .b = $4.first); }
  | EVERY expression BLOCK_OPEN titems '}'  { $$ = TREE(EVERY, @$, .a = $2, .b = $4.first); }
  | WHEN expression BLOCK_OPEN titems '}'   { $$ = TREE(WHEN, @$, .a = $2, .b = $4.first); }
  | id EVERY expression                     { $$ = TREE(SETTING, @$, .name = parser_every(p, $1), .a = $3); }
  | id expression                           { $$ = TREE(SETTING, @$, .name = $1, .a = $2); }
  | id CALL_OPEN expression ')'             { $$ = TREE(SETTING, @$, .name = $1, .a = $3); }
  ;

estimator:
    name_node                               { $$ = $1; }
  | id CALL_OPEN arguments ')'              { $$ = parser_call(p, TREE(NAME, @1, .name = $1), $3, @$); }
  ;

/* ends in a list: a comma after it goes on with the list */
titem_open: id OVER over_names              { $$ = parser_em(p, $1, $3.first, NULL, @$); } ;

goal: MAXIMIZE { $$ = 0; } | MINIMIZE { $$ = 1; } ;

over_names:
    name_node                               { $$ = ast_list($1); }
  | PRIOR                                   { $$ = ast_list(TREE(NAME, @$, .name = "prior")); }
  | over_names ',' name_node                { $$ = ast_append($1, $3); }
  | over_names ',' PRIOR                    { $$ = ast_append($1, TREE(NAME, @3, .name = "prior")); }
  ;

/* ---- bodies and statements ---- */

body: '{' contents '}'                      { $$ = $2; $$->span = @$; } ;
block: BLOCK_OPEN contents '}'              { $$ = $2; $$->span = @$; } ;

contents:
    statements                              { $$ = TREE(BODY, @$, .a = $1.first); }
  | statements expressions                  { $$ = TREE(BODY, @$, .a = $1.first, .b = parser_result(p, $2, @2)); }
  ;

statements:
    %empty                                  { $$ = ast_list(NULL); }
  | statements statement_open               { $$ = ast_join($1, $2); }
  | statements statement_closed             { $$ = ast_join($1, $2); }
  | statements statement_closed ','         { $$ = ast_join($1, $2); }
  | statements error RESYNC                 { $$ = $1; yyerrok; }
  ;

/* ends in a list: a comma after it goes on with the list */
statement_open:
    WEIGHT weights                          { $$ = $2; }
  | STATE states                            { $$ = $2; }
  | GRID expressions                        { $$ = ast_list(TREE(GRID, @$, .a = $2.first)); }
  | PRINT expressions                       { $$ = ast_list(TREE(PRINT, @$, .a = $2.first)); }
  | PLOT expressions                        { $$ = ast_list(TREE(PLOT, @$, .a = $2.first)); }
  ;

statement_closed:
    expressions '=' expression              { $$ = ast_list(TREE(ASSIGN, @$, .a = parser_names(p, $1), .b = $3)); }
  | expressions '~' expression              { $$ = ast_list(TREE(DRAW, @$, .a = parser_variables(p, $1), .b = $3)); }
  | expressions '~' expression BY estimator {
      $$ = ast_list(TREE(DRAW, @$, .a = parser_variables(p, $1), .b = $3, .c = $5));
    }
  | expression UPDATE expression            { $$ = ast_list(TREE(UPDATE, @$, .name = parser_name(p, $1), .b = $3)); }
  | MAXIMIZE expression                     { $$ = ast_list(TREE(MAXIMIZE, @$, .a = $2)); }
  | MINIMIZE expression                     { $$ = ast_list(TREE(MINIMIZE, @$, .a = $2)); }
  | PLOT expressions OVER id                { $$ = ast_list(TREE(PLOT, @$, .a = $2.first, .name = $4)); }
  | PLOT expressions OVER id IN expression  {
      $$ = ast_list(TREE(PLOT, @$, .a = $2.first, .name = $4, .b = $6));
    }
  | network                                 { $$ = ast_list($1); }
  | expression expression                   { $$ = ast_list(TREE(SETTING, @$, .name = parser_setting(p, $1, $2), .a = $2)); }
  | expression expression IN expression     { $$ = parser_axis(p, $1, $2, $4, @$); }
  | expression expression IN SET_OPEN expressions '}' {
      Ast *values = TREE(LIST, ((Span){p->file, @4.begin, @6.end}), .a = $5.first);
      $$ = parser_axis(p, $1, $2, values, @$);
    }
  ;

weights:
    weight                                  { $$ = ast_list($1); }
  | weights ',' weight                      { $$ = ast_append($1, $3); }
  ;

weight:
    id dims_opt constraint_opt '=' expression { $$ = TREE(WEIGHT, @$, .name = $1, .a = $2.first, .b = $5, .c = $3); }
  | id dims_opt constraint_opt '~' expression {
      $$ = TREE(WEIGHT, @$, .name = $1, .a = $2.first, .b = $5, .c = $3, .flag = 1);
    }
  | id dims_opt constraint                  { $$ = TREE(WEIGHT, @$, .name = $1, .a = $2.first, .c = $3); }
  ;

states:
    state                                   { $$ = ast_list($1); }
  | states ',' state                        { $$ = ast_append($1, $3); }
  ;

state: id dims_opt '=' expression           { $$ = TREE(STATE, @$, .name = $1, .a = $2.first, .b = $4); } ;

/* ---- expressions ---- */

expressions:
    expression                              { $$ = ast_list($1); }
  | expressions ',' expression              { $$ = ast_append($1, $3); }
  ;

expression:
    arithmetic                              %prec EXPRESSION
  | IF expression THEN expression ELSE expression { $$ = TREE(IF, @$, .a = $2, .b = $4, .c = $6); }
  | expression PIPE expression              { $$ = TREE(PIPE, @$, .a = $1, .b = parser_stage(p, $3)); }
  | expression RANGE expression             { $$ = OPERATOR(BINARY, "..", $1, $3, @$); }
  | expression '<' expression               { $$ = OPERATOR(BINARY, "<", $1, $3, @$); }
  | expression LESS_EQUAL expression        { $$ = OPERATOR(BINARY, "<=", $1, $3, @$); }
  | expression '>' expression               { $$ = OPERATOR(BINARY, ">", $1, $3, @$); }
  | expression GREATER_EQUAL expression     { $$ = OPERATOR(BINARY, ">=", $1, $3, @$); }
  | expression EQUAL expression             { $$ = OPERATOR(BINARY, "==", $1, $3, @$); }
  | expression UNEQUAL expression           { $$ = OPERATOR(BINARY, "!=", $1, $3, @$); }
  ;

arithmetic:
    operand
  | arithmetic '+' arithmetic               { $$ = OPERATOR(BINARY, "+", $1, $3, @$); }
  | arithmetic '-' arithmetic               { $$ = OPERATOR(BINARY, "-", $1, $3, @$); }
  | arithmetic '*' arithmetic               { $$ = OPERATOR(BINARY, "*", $1, $3, @$); }
  | arithmetic '/' arithmetic               { $$ = OPERATOR(BINARY, "/", $1, $3, @$); }
  | arithmetic '@' arithmetic               { $$ = OPERATOR(BINARY, "@", $1, $3, @$); }
  | arithmetic '^' arithmetic               { $$ = OPERATOR(BINARY, "^", $1, $3, @$); }
  | '-' arithmetic                          %prec NEGATIVE { $$ = OPERATOR(UNARY, "-", $2, NULL, @$); }
  | '!' arithmetic                          %prec NEGATIVE { $$ = OPERATOR(UNARY, "!", $2, NULL, @$); }
  ;

operand: postfix | prefix ;

prefix:
    LOG operand                             { $$ = OPERATOR(PREFIX, "log", $2, NULL, @$); }
  | MEAN operand                            { $$ = OPERATOR(PREFIX, "mean", $2, NULL, @$); }
  | DRAW operand                            { $$ = OPERATOR(PREFIX, "draw", $2, NULL, @$); }
  | EACH operand                            { $$ = OPERATOR(PREFIX, "each", $2, NULL, @$); }
  ;

postfix:
    primary
  | call                                    { $$ = parser_plain_call(p, $1); }
  | call body                               { $$ = parser_aggregate(p, $1, $2, @$); }
  | MEAN '(' expression ')' body            { $$ = TREE(AGGREGATE, @$, .text = "mean", .a = $3, .c = $5); }
  | MEAN '(' binders ')' body               { $$ = parser_bound(p, "mean", $3, $5, @$); }
  | MEAN '(' expression ',' argument_list ')' {
      $$ = OPERATOR(PREFIX, "mean", $3, parser_unbound(p, $5).first, @$);
    }
  | postfix INDEX_OPEN indices ']'          { $$ = TREE(INDEX, @$, .a = $1, .b = $3.first); }
  ;

indices:
    index                                   { $$ = ast_list($1); }
  | indices ',' index                       { $$ = ast_append($1, $3); }
  ;

index:
    expression
  | RANGE                                   { $$ = TREE(RANGE, @$); }
  | expression RANGE                        { $$ = TREE(RANGE, @$, .a = $1); }
  | RANGE expression                        { $$ = TREE(RANGE, @$, .b = $2); }
  ;

call:
    postfix CALL_OPEN arguments ')'         { $$ = parser_call(p, $1, $3, @$); }
  | PRIOR CALL_OPEN arguments ')'           { $$ = parser_call(p, TREE(NAME, @1, .name = "prior"), $3, @$); }
  | KL CALL_OPEN arguments ')'              { $$ = parser_call(p, TREE(NAME, @1, .name = "kl"), $3, @$); }
  | MIXTURE CALL_OPEN arguments ')'         { $$ = parser_call(p, TREE(NAME, @1, .name = "mixture"), $3, @$); }
  ;

/* `|` and `||` stand in the list as one AST_ERROR node with flag 1 or 2 between the arguments; parser_call cuts there */
arguments:
    %empty                                  { $$ = ast_list(NULL); }
  | argument_list
  | argument_list '|' argument_list         { $$ = ast_join(ast_append($1, TREE(ERROR, @2, .flag = 1)), $3); }
  | argument_list BARS argument_list        { $$ = ast_join(ast_append($1, TREE(ERROR, @2, .flag = 2)), $3); }
  ;

argument_list:
    argument                                { $$ = ast_list($1); }
  | argument_list ',' argument              { $$ = ast_append($1, $3); }
  ;

argument:
    expression                              { $$ = TREE(ARGUMENT, @$, .a = $1); }
  | NAME ':' expression                     { $$ = TREE(ARGUMENT, @$, .name = $1, .a = $3); }
  | binder
  ;

/* a name for the block that follows the call; without one they are refused */
binders:
    binder                                  { $$ = ast_list($1); }
  | binders ',' binder                      { $$ = ast_append($1, $3); }
  ;

binder:
    expression '=' expression               { $$ = TREE(BINDER, @$, .name = parser_name(p, $1), .text = "=", .a = $3); }
  | expression IN expression                { $$ = TREE(BINDER, @$, .name = parser_name(p, $1), .text = "in", .a = $3); }
  | expression IN SET_OPEN expressions '}'  {
      Ast *values = TREE(LIST, ((Span){p->file, @3.begin, @5.end}), .a = $4.first);
      $$ = TREE(BINDER, @$, .name = parser_name(p, $1), .text = "in", .a = values);
    }
  | expression '~' expression               { $$ = parser_draw(p, $1, $3, @$); }
  ;

primary:
    NUMBER                                  { $$ = TREE(NUMBER, @$, .number = $1); }
  | STRING                                  { $$ = TREE(STRING, @$, .name = $1); }
  | NAME                                    { $$ = TREE(NAME, @$, .name = $1); }
  | '(' expression ')'                      { $$ = $2; }
  | '[' expressions ']'                     { $$ = TREE(LIST, @$, .a = $2.first); }
  | mixture_over
  ;

/* the older spelling of mixture(k in 0 .. n) { ... } */
mixture_over:
    MIXTURE OVER id IN arithmetic RANGE arithmetic block {
      Ast *range = OPERATOR(BINARY, "..", $5, $7, ((Span){p->file, @5.begin, @7.end}));
      Ast *binder = TREE(BINDER, ((Span){p->file, @3.begin, @7.end}), .name = $3, .text = "in", .a = range);
      $$ = TREE(MIXTURE, @$, .a = binder, .c = $8);
    }
  ;

%%

/* Called at every syntax error: hands the names of what could have come to compiler/text/mistake.c. The parse ends when it
   returns 2: that is what bison 3.8's yyparse asks for, though its YYENOMEM is another number. */
static int yyreport_syntax_error(const yypcontext_t *context, Parser *p) {
  yysymbol_kind_t kind[YYNTOKENS];
  const char *name[YYNTOKENS];
  int n = yypcontext_expected_tokens(context, kind, YYNTOKENS);
  for (int i = 0; i < n; i++) name[i] = yysymbol_name(kind[i]);
  const char *found = yysymbol_name(yypcontext_token(context));
  return mistake_syntax(p, found, n > 0 ? n : 0, name) ? 0 : 2;
}

/* All that is left for it: the stacks are full. */
static void gm_error(const Span *where, Parser *p, const char *message) {
  (void)message;
  mistake_deep(p, *where);
}
